# The two that a newcomer needs, each doing all its set-up: make demo, make test. All of them: make help.

PREFIX     ?= /usr
SYSCONFDIR ?= /etc
DESTDIR    ?=
SWIFT      ?= swift
PYTHON     ?= python3

bindir = $(PREFIX)/bin
docdir = $(PREFIX)/share/doc/adapterd
units  = $(PREFIX)/lib/systemd

release_dir = .build-release
# What `install` installs.
BINARY ?= $(release_dir)/adapterd

venv   = .build/venv
python = $(CURDIR)/$(venv)/bin/python

# What a build, the tests and the demo need beside Swift; `setup` installs those that are missing.
packages = binutils bindfs ca-certificates git libsqlite3-dev libsystemd-dev pkg-config python3-venv rsync zlib1g-dev

.DEFAULT_GOAL := help
# Swift uses all cores by itself; two targets at once would only be in each other's way.
.NOTPARALLEL:
.PHONY: help toolchain setup venv build release test torture bench-watching demo lint format units install uninstall \
  clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 22
	@echo '  Variables: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) SYSCONFDIR=$(SYSCONFDIR) SWIFT=$(SWIFT) PYTHON=$(PYTHON)'

toolchain:
	@command -v $(SWIFT) >/dev/null || { \
	  echo 'make: no Swift compiler on PATH. Swift 6.2 or newer is needed to build adapterd:' >&2; \
	  echo '      get it from https://www.swift.org/install/linux/ or name one: make SWIFT=/path/to/swift' >&2; \
	  exit 1; }

setup: ## install what a build needs from Debian's packages, if it is missing
	@command -v dpkg-query >/dev/null || { \
	  echo 'make: not a Debian system, nothing installed. Needed are: $(packages)' >&2; exit 0; }; \
	missing=; \
	for package in $(packages); do \
	  dpkg-query -W -f='$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	echo "installing:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then as_root=; \
	elif command -v sudo >/dev/null; then as_root=sudo; \
	else echo "make: neither root nor sudo. As root, run: apt-get install$$missing" >&2; exit 1; fi; \
	$$as_root apt-get -qq update || true; \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install \
	  --no-install-recommends $$missing >/dev/null

venv: $(venv)/.complete ## make the Python environment that the tests use

$(venv)/.complete: Tests/requirements.txt
	rm -rf $(venv)
	mkdir -p .build
	$(PYTHON) -m venv $(venv)
	$(python) -m pip --quiet --disable-pip-version-check install --requirement Tests/requirements.txt
	touch $@

build: toolchain ## build everything for the demo and the tests
	$(SWIFT) build --build-tests

release: toolchain ## build the stripped program that runs without Swift installed
	$(SWIFT) build --configuration release --product adapterd --static-swift-stdlib --scratch-path $(release_dir)
	strip -o $(release_dir)/adapterd $(release_dir)/release/adapterd

# The end-to-end tests start dozens of daemons: beside them, nobody else would get a processor.
test: setup venv build lint ## build, check the style, run all tests
	ADAPTERD_PYTHON=$(python) $(SWIFT) test --skip-build --skip 'EndToEndTests|TortureTests'
	ADAPTERD_PYTHON=$(python) $(SWIFT) test --skip-build --filter 'EndToEndTests|TortureTests'

torture: setup build ## run the long forms of the random tests (about half an hour)
	ADAPTERD_TORTURE=full $(SWIFT) test --skip-build --filter TortureTests

bench-watching: packages += inotify-tools strace
bench-watching: setup venv release ## measure the watching beside find, inotifywait and watchdog (about six minutes)
	$(python) -m pip --quiet --disable-pip-version-check install --requirement Benchmarks/requirements.txt
	$(python) Benchmarks/watching.py --binary $(release_dir)/adapterd

demo: setup build ## watch a training being published, on this machine alone
	scripts/demo.sh

lint: toolchain units ## check the style of the sources and the systemd units
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests

format: toolchain ## put the sources into that style
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

# The program that the units name is not installed here: any that exists will do.
units:
	@command -v systemd-analyze >/dev/null || { echo 'systemd units not checked: no systemd-analyze here'; exit 0; }; \
	mkdir -p .build/units/user && \
	for unit in adapterd.service user/adapterd.service; do \
	  sed 's,@bindir@/adapterd,/bin/true,; s,@docdir@,$(CURDIR),' systemd/$$unit >.build/units/$$unit || exit 1; \
	done && \
	systemd-analyze verify --man=no --recursive-errors=no .build/units/adapterd.service && \
	XDG_RUNTIME_DIR=$(CURDIR)/.build/units systemd-analyze verify --man=no --recursive-errors=no --user \
	  .build/units/user/adapterd.service

$(release_dir)/adapterd:
	$(MAKE) release

install: $(BINARY) ## install program, units and configuration (DESTDIR, PREFIX)
	install -D -m 755 $(BINARY) $(DESTDIR)$(bindir)/adapterd
	@for unit in system user; do \
	  case $$unit in system) source=systemd/adapterd.service;; user) source=systemd/user/adapterd.service;; esac; \
	  echo "install $$source $(DESTDIR)$(units)/$$unit/adapterd.service"; \
	  install -d -m 755 $(DESTDIR)$(units)/$$unit && \
	  sed 's,@bindir@,$(bindir),g; s,@docdir@,$(docdir),g' $$source >$(DESTDIR)$(units)/$$unit/adapterd.service && \
	  chmod 644 $(DESTDIR)$(units)/$$unit/adapterd.service || exit 1; \
	done
	install -d -m 755 $(DESTDIR)$(docdir)
	install -m 644 README.md LICENSE CHANGELOG.md $(DESTDIR)$(docdir)
	@if [ -e $(DESTDIR)$(SYSCONFDIR)/adapterd/adapterd.toml ]; then \
	  echo 'kept $(DESTDIR)$(SYSCONFDIR)/adapterd/adapterd.toml as it is'; \
	else \
	  echo 'install etc/adapterd.toml $(DESTDIR)$(SYSCONFDIR)/adapterd/adapterd.toml'; \
	  install -D -m 644 etc/adapterd.toml $(DESTDIR)$(SYSCONFDIR)/adapterd/adapterd.toml; \
	fi

uninstall: ## remove what install installed, but not the configuration
	rm -f $(DESTDIR)$(bindir)/adapterd
	rm -f $(DESTDIR)$(units)/system/adapterd.service $(DESTDIR)$(units)/user/adapterd.service
	rm -rf $(DESTDIR)$(docdir)

clean: ## remove everything that was built
	rm -rf .build $(release_dir)
