"""Drives a Hub with the real huggingface_hub: what it accepts here, a Hub has to accept.

Arguments: the folder to work in. Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_DISABLE_XET=1.
Prints one line of JSON with what it saw.
"""

import json
import os
import pathlib
import sys

from huggingface_hub import CommitOperationAdd, HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

REPO = "tester/real"
CARD = """---
library_name: peft
base_model: Qwen/Qwen2.5-Coder-0.5B-Instruct
license: apache-2.0
---
# A card
"""


def tree_of(api, revision="main"):
    """Path and identity of every file: SHA-256 for LFS, git's blob id for the rest."""
    items = api.list_repo_tree(REPO, recursive=True, revision=revision)
    return {item.path: (item.lfs.sha256 if item.lfs else item.blob_id) for item in items if hasattr(item, "size")}


def main(work: pathlib.Path) -> dict:
    assert constants.HF_HUB_DISABLE_XET, "Xet is not spoken here"
    api = HfApi()
    seen = {"user": api.whoami()["name"]}
    try:
        api.model_info(REPO)
        raise AssertionError("a repo that nobody has made was found")
    except RepositoryNotFoundError:
        pass
    api.create_repo(REPO, private=True)
    api.create_repo(REPO, private=True, exist_ok=True)
    assert api.model_info(REPO).private

    folder = work / "upload"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "config.json").write_text('{"model_type": "qwen2"}\n')
    (folder / "sub" / "notes.txt").write_text("ä\n" * 1000)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "small.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    # Under a name that .gitattributes does not know, and big enough for several parts.
    (folder / "sub" / "weights.xyz").write_bytes(os.urandom(3 * 1024 * 1024 + 17))
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    first = api.upload_folder(repo_id=REPO, folder_path=folder, commit_message="first")
    again = api.upload_folder(repo_id=REPO, folder_path=folder, commit_message="again")
    seen["first"], seen["again"] = first.oid, again.oid
    seen["files"] = sorted(files)

    local = pathlib.Path(snapshot_download(REPO, local_dir=work / "download"))
    for path, content in files.items():
        assert (local / path).read_bytes() == content, f"{path} came back changed"
    cached = pathlib.Path(snapshot_download(REPO, cache_dir=work / "cache", revision=first.oid))
    for path, content in files.items():
        assert (cached / path).read_bytes() == content, f"{path} came back changed"
    for path in ("sub/weights.xyz", "sub/notes.txt"):
        single = pathlib.Path(hf_hub_download(REPO, path, cache_dir=work / "single"))
        assert single.read_bytes() == files[path], f"{path} came back changed on its own"

    info = api.model_info(REPO, files_metadata=True)
    assert info.sha == again.oid, "the head is not the last commit"
    sizes = {sibling.rfilename: sibling.size for sibling in info.siblings}
    assert all(sizes[path] == len(content) for path, content in files.items()), sizes
    seen["tree"] = tree_of(api)
    paths = api.get_paths_info(REPO, ["README.md", "sub", "nowhere"])
    seen["paths"] = sorted(item.path for item in paths)

    # Somebody was faster.
    operation = CommitOperationAdd("late.txt", b"too late\n")
    api.create_commit(REPO, [CommitOperationAdd("new.txt", b"new\n")], commit_message="new", parent_commit=again.oid)
    try:
        api.create_commit(REPO, [operation], commit_message="late", parent_commit=again.oid)
        raise AssertionError("a commit on a stale head was taken")
    except HfHubHTTPError as error:
        seen["conflict"] = error.response.status_code

    # Branches with a slash in their name, tags, history, deletions.
    api.create_branch(REPO, branch="exp/1")
    api.create_tag(REPO, tag="step-50", revision=first.oid)
    api.upload_file(repo_id=REPO, path_or_fileobj=b"on a branch\n", path_in_repo="b.txt", revision="exp/1")
    api.delete_file("config.json", REPO, commit_message="delete")
    refs = api.list_repo_refs(REPO)
    seen["branches"] = sorted(ref.name for ref in refs.branches)
    seen["tags"] = {ref.name: ref.target_commit for ref in refs.tags}
    seen["history"] = [commit.title for commit in api.list_repo_commits(REPO)]
    assert "b.txt" in tree_of(api, "exp/1") and "b.txt" not in tree_of(api)
    api.create_repo("tester/gone", private=True)
    api.delete_repo("tester/gone")
    try:
        api.model_info("tester/gone")
        raise AssertionError("a repo that was deleted is still there")
    except RepositoryNotFoundError:
        pass
    try:
        HfApi(token=False).model_info(REPO)
        raise AssertionError("a private repo was shown to somebody unknown")
    except HfHubHTTPError as error:
        seen["stranger"] = error.response.status_code
    try:
        HfApi(token="hf_wrong").whoami()
        raise AssertionError("a wrong token was taken")
    except HfHubHTTPError as error:
        seen["wrong token"] = error.response.status_code
    return seen


if __name__ == "__main__":
    print(json.dumps(main(pathlib.Path(sys.argv[1]))))
