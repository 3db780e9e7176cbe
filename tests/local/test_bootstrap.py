"""`./sts`: what a newcomer meets first, on whatever Python."""

import ast
import contextlib
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CLONE = Path(__file__).parent.parent.parent
STS = CLONE / "sts"


@pytest.fixture
def sts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, working on a clone of nothing but two locks, whose installers only say that they were called."""
    loader = importlib.machinery.SourceFileLoader("sts_bootstrap", str(STS))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for lock in ("local", "test"):
        (tmp_path / "requirements" / f"{lock}.txt").write_text(f"{lock}==1\n")
    environment = tmp_path / ".venv"
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", environment)
    monkeypatch.setattr(module, "PYTHON", environment / "bin" / "python")
    monkeypatch.setattr(module, "MARKER", environment / "sts-environment")
    return module


@pytest.fixture
def done(sts: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done to the environment."""
    steps: list[str] = []

    def make_venv() -> None:
        steps.append("venv")
        sts.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        sts.PYTHON.touch()

    def install_with_uv(lock: str) -> bool:
        steps.append(lock)
        return True

    monkeypatch.setattr(sts, "make_venv", make_venv)
    monkeypatch.setattr(sts, "install_with_uv", install_with_uv)
    return steps


def test_without_words_it_says_what_it_can_do(sts: Any) -> None:
    answer = subprocess.run([STS], capture_output=True, text=True, check=True)
    for word, (_, _, what) in sts.COMMANDS.items():
        assert f"./sts {word:<11}{what}" in answer.stdout


def test_an_unknown_word_is_refused() -> None:
    answer = subprocess.run([STS, "fly"], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "There is no command `fly`." in answer.stdout


def test_an_old_python_is_told_what_is_wanted() -> None:
    ast.parse(STS.read_text(), feature_version=(3, 6))
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_path(sys.argv[1])"
    answer = subprocess.run([sys.executable, "-c", pretend, str(STS)], capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Share to Sign needs Python 3.11 or newer;")
    assert "Traceback" not in answer.stderr


def test_it_uses_the_standard_library_alone() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(STS.read_text())):
        if isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert imported <= sys.stdlib_module_names


def test_a_python_without_venv_is_told_what_to_install(sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        sts.make_venv()


def test_the_environment_is_made_once(sts: Any, done: list[str]) -> None:
    sts.make_environment("local")
    sts.make_environment("local")
    assert done == ["venv", "local"]


def test_a_changed_lock_is_installed_into_what_stands(sts: Any, done: list[str]) -> None:
    sts.make_environment("local")
    sts.lock_file("local").write_text("local==2\n")
    sts.make_environment("local")
    assert done == ["venv", "local", "local"]


def test_the_larger_environment_is_never_made_smaller(sts: Any, done: list[str]) -> None:
    sts.make_environment("local")
    sts.make_environment("test")
    sts.make_environment("local")
    sts.lock_file("test").write_text("test==2\n")
    sts.make_environment("local")
    assert done == ["venv", "local", "test", "test"]


def test_what_was_interrupted_is_made_from_the_start(
    sts: Any, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_lock: str) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(sts, "install_with_uv", interrupted)
        with contextlib.suppress(KeyboardInterrupt):
            sts.make_environment("local")
    assert not sts.MARKER.exists()
    sts.make_environment("local")
    assert done == ["venv", "venv", "local"]


def test_another_python_makes_another_environment(sts: Any, done: list[str]) -> None:
    sts.make_environment("local")
    lock, sha256, _ = sts.MARKER.read_text().split()
    sts.MARKER.write_text(f"{lock} {sha256} 3.10\n")
    sts.make_environment("local")
    assert done == ["venv", "local", "venv", "local"]


def test_pip_does_it_where_uv_does_not(sts: Any, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts, "install_with_uv", lambda _lock: False)
    monkeypatch.setattr(sts, "install_with_pip", lambda lock: done.append(f"{lock} by pip"))
    sts.make_environment("test")
    assert done == ["venv", "test by pip"]


def test_uv_looks_where_pip_looks(sts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = (
        "global.index-url='one'\n:env:.find-links='a b'\nglobal.extra-index-url='\\ntwo\\nthree'\nglobal.timeout='9'\n"
    )
    monkeypatch.setattr(sts, "run", lambda *_: subprocess.CompletedProcess([], 0, stdout=told))
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"):
        monkeypatch.delenv(name, raising=False)
    found = sts.index_as_uv_wants_it()
    assert found["UV_DEFAULT_INDEX"] == "one"
    assert found["UV_INDEX"] == "two three"
    assert found["UV_FIND_LINKS"] == "a,b"
    monkeypatch.setenv("UV_INDEX", "mine")
    assert "UV_INDEX" not in sts.index_as_uv_wants_it()


def test_uv_is_pinned_with_its_hashes(sts: Any) -> None:
    block = sts.block_of("uv", (CLONE / "requirements" / "test.txt").read_text())
    first, *hashes = block.splitlines()
    assert first.startswith("uv==")
    assert hashes
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)


def test_every_command_runs_something_that_exists(sts: ModuleType) -> None:
    for word, (lock, arguments, _) in sts.COMMANDS.items():
        assert (CLONE / "requirements" / f"{lock}.txt").exists()
        if arguments[:1] == ["-m"]:
            assert importlib.util.find_spec(arguments[1]), word
        elif arguments:
            assert os.path.exists(arguments[0]), word


def test_checks_stop_at_the_first_failure(sts: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert sts.in_turn([["true"], ["sh", "-c", "exit 3"], ["echo", "never"]]) == 3
    assert "$ echo never" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("checks", "suite", "beside"),
    [("false", "true", "true"), ("true", "false", "true"), ("true", "true", "ls gone")],
)
def test_all_checks_fail_where_one_does(
    sts: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], checks: str, suite: str, beside: str
) -> None:
    monkeypatch.setattr(sts, "CHECKS", (checks,))
    monkeypatch.setattr(sts, "SUITE", suite)
    monkeypatch.setattr(sts, "BESIDE", beside)
    assert sts.all_checks() != 0
    said = capfd.readouterr().out
    assert ("$ " + beside in said) == (checks == "true")
    assert ("gone'" in said) == (beside != "true"), "what it said is shown"
