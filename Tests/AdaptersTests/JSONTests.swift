import Adapters
import Testing

@Suite struct JSONTests {
  private func parse(_ text: String, pythonNumbers: Bool = false) throws -> JSON {
    try JSON(parsing: text.utf8, pythonNumbers: pythonNumbers)
  }

  @Test func orderAndNumbersStayAsTheyWereWritten() throws {
    let text = """
      {
        "z": 2.0,
        "a": [
          1e-05,
          -0,
          18446744073709551615
        ],
        "empty": {},
        "none": [],
        "t": true,
        "n": null
      }

      """
    #expect(try parse(text).serialized() == text)
  }

  @Test(arguments: [
    ("\"a\\u00e9\\n\\/\"", "aé\n/"), ("\"\\ud83d\\ude00\"", "😀"), ("\"é\"", "é"), ("\"\\ud83d\"", "\u{FFFD}"),
    ("\"\\ud83dx\"", "\u{FFFD}x"), ("\"\\udc80\"", "\u{FFFD}"), ("\"\\ud83d\\u0041\"", "\u{FFFD}A"),
  ]) func stringsAreDecoded(text: String, value: String) throws {
    #expect(try parse(text).string == value)
  }

  @Test(arguments: [
    "", " ", "{", "[1", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "[1,]", "[1 2]", "{a:1}", "{1:2}",
    "01", "-", "1.", ".5", "+1", "1e", "0x1", "tru", "nul", "True", "NaN", "Infinity", "-Infinity", "\"a", "\"\\x\"",
    "\"\\u12g4\"", "\"\\u12\"", "\"\n\"", "1 2", "{} x", "[]]", "'a'",
  ]) func whatIsNoJSONIsRefused(text: String) {
    #expect(throws: JSON.ParseError.self) { try parse(text) }
  }

  @Test func whatIsNotUTF8IsRefused() {
    #expect(throws: JSON.ParseError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    #expect(throws: JSON.ParseError.self) { try JSON(parsing: [0x22, 0xC0, 0x80, 0x22]) }
  }

  @Test func theOffsetIsThatOfTheFault() {
    let error = #expect(throws: JSON.ParseError.self) { try parse("[1 2]") }
    #expect(error?.description == "a comma is missing at byte 3")
  }

  @Test func pythonsNumbersPassWhereTheyMay() throws {
    let json = try parse("[NaN, Infinity, -Infinity]", pythonNumbers: true)
    #expect(json == .array([.number("NaN"), .number("Infinity"), .number("-Infinity")]))
    #expect(json.array?.first?.double?.isNaN == true)
    #expect(throws: JSON.ParseError.self) { try parse("[NaN]") }
  }

  @Test func halfOfAPairIsRefusedWhereItMayNotBe() {
    #expect(throws: JSON.ParseError.self) { try JSON(parsing: "\"\\ud800\"".utf8, loneSurrogates: false) }
  }

  @Test func depthIsBounded() throws {
    #expect(try parse(String(repeating: "[", count: 128) + String(repeating: "]", count: 128)).array != nil)
    #expect(throws: JSON.ParseError.self) { try parse(String(repeating: "[", count: 100_000)) }
  }

  @Test func theLastOfEqualKeysCountsAndAllAreKept() throws {
    let json = try parse("{\"a\": 1, \"b\": 2, \"a\": 3}")
    #expect(json["a"]?.int == 3)
    #expect(json.object?.members.count == 3)
  }

  @Test func anObjectIsReadMemberByMember() throws {
    var reader = JSON.MemberReader(Array(" {\"a\": 1, \"b\": [2] } ".utf8))
    #expect(try reader.next() == JSON.Object.Member(key: "a", value: .number(1)))
    #expect(try reader.next() == JSON.Object.Member(key: "b", value: .array([.number(2)])))
    #expect(try reader.next() == nil)
    #expect(try reader.next() == nil)
    let long = "{\"a\": [" + String(repeating: "0,", count: 100_000) + "0]}"
    for text in ["[]", "", "{} x", "{", "{\"a\" 1}", long] {
      #expect(throws: JSON.ParseError.self) {
        var reader = JSON.MemberReader(Array(text.utf8))
        while try reader.next() != nil {}
      }
    }
  }

  @Test func settingAKeyKeepsItsPlace() {
    var object: JSON.Object = ["a": .number(1), "b": .number(2)]
    object["a"] = .string("x")
    object["c"] = .null
    object["b"] = nil
    #expect(object.members.map(\.key) == ["a", "c"])
    #expect(object["a"] == .string("x"))
  }

  @Test func valuesAreReadAsWhatTheyAre() throws {
    let json = try parse(
      #"{"whole": 30, "also": 30.0, "half": 0.5, "big": 1e300, "none": null, "yes": true}"#)
    #expect(json["whole"]?.int == 30)
    #expect(json["also"]?.int == 30)
    #expect(json["half"]?.int == nil)
    #expect(json["half"]?.double == 0.5)
    #expect(json["big"]?.int == nil)
    #expect(json["none"] == nil)
    #expect(json["yes"]?.bool == true)
    #expect(json["yes"]?.int == nil)
    #expect(json["missing"]?.string == nil)
  }

  @Test func numbersAreWrittenShortWithAPointWhereTheyHaveAFraction() {
    #expect(JSON.number(2.0).line == "2.0")
    #expect(JSON.number(0.05).line == "0.05")
    #expect(JSON.number(16).line == "16")
  }

  @Test func onlyWhatMustBeIsEscaped() {
    #expect(JSON.quoted("a\"\\\n\t\r\u{1}/é") == "\"a\\\"\\\\\\n\\t\\r\\u0001/é\"")
  }

  @Test func aLineHasNoNewlines() throws {
    #expect(try parse("{\"a\": [1, {\"b\": \"\\n\"}]}").line == "{\"a\":[1,{\"b\":\"\\n\"}]}")
  }
}
