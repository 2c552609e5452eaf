"""The sources of pueue for `setup`: a release, this machine, package managers; and the ones that it refuses."""

from __future__ import annotations

import hashlib
import http.server
import platform
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from doctor import typed
from provision import configured, setup, tree, well
from real import SYSTEM_PATH, Host, Lab, real, strays, until

from pueue_skill.hosts.provision import steps as provision_steps
from pueue_skill.queues.pueue import provision as pueue_provision
from pueue_skill.shell import model

pytestmark = pytest.mark.timeout(240)
TARGET = provision_steps.TARGETS.get(
    (platform.system(), {"arm64": "aarch64"}.get(platform.machine(), platform.machine())), ""
)


@pytest.fixture
def release() -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a release of pueue; provide its URL and the checksums."""
    content = {f"/{name}-{TARGET}": Path(real(name)).read_bytes() for name in ("pueue", "pueued")}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = content.get(self.path)
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(found or b"")

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sums = {path[1:]: hashlib.sha256(data).hexdigest() for path, data in content.items()}
        yield f"http://127.0.0.1:{server.server_address[1]}", sums
        server.shutdown()


def mirror(url: str, sums: dict[str, str]) -> str:
    lines = "".join([f'{name} = "{sum}"\n' for name, sum in sums.items()])
    return f'[setup]\nurl = "{url}"\n[setup.sha256]\n{lines}'


def test_a_project_may_not_set_where_programs_are_downloaded(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / ".pueue-skill.toml").write_text('[setup]\nurl = "http://evil.example.org"\n')
    done = subprocess.run(
        ["pueue-skill", "setup", "local", "--dry-run"], env=lab.env, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "setup: a project may not set where programs are downloaded" in done.stderr


@pytest.mark.long
def test_a_setup_whose_connection_broke_can_be_repeated(make: Callable[..., Host], tmp_path: Path) -> None:
    """It breaks while the host unpacks the programs: its first gzip waits for a file."""
    started, may_continue = tmp_path / "started", tmp_path / "may-continue"
    program = tmp_path / "bin/gzip"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\nif mkdir {started} 2>/dev/null; then until [ -e {may_continue} ]; do sleep 0.05; done; fi\n"
        f'exec {real("gzip")} "$@"\n'
    )
    program.chmod(0o755)
    bare = make(path=program.parent)
    before = tree(bare.home)
    command = ["pueue-skill", "setup", bare.name]
    with subprocess.Popen(command, env=bare.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        until(lambda: started.exists() or one.poll() is not None, "gzip", 50)
        assert list(bare.home.glob(".local/bin/.pueue-new-*"))
        bare.kill_connections()
        _, said = one.communicate(timeout=120)
    assert one.returncode == 4
    assert "Try again" in said
    may_continue.touch()
    typed(said.rpartition("no finished step: ")[2], bare.env)
    assert "nothing was changed" in well(bare.name, env=bare.env)
    assert not list(bare.home.glob(".local/bin/.pueue-new-*"))
    well(bare.name, "--remove", env=bare.env)
    assert set(tree(bare.home)) - set(before) == {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.long
def test_a_release_is_fetched_by_the_host(bare: Host, tmp_path: Path, release: tuple[str, dict[str, str]]) -> None:
    env = configured(bare.env, tmp_path, mirror(*release))
    assert "fetches pueue 4.0.4 into ~/.local/bin, checked" in well(bare.name, env=env)
    assert bare.pueue("--version") == "pueue 4.0.4"


@pytest.mark.long
def test_a_release_is_fetched_through_this_machine_for_a_host_without_network(
    make: Callable[..., Host], tmp_path: Path, release: tuple[str, dict[str, str]]
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for program in [*Path("/bin").iterdir(), *Path("/usr/bin").iterdir()]:
        if program.name not in ("curl", "wget") and not (tools / program.name).exists():
            (tools / program.name).symlink_to(program)
    host = make(login=f"PATH={tools}\n")
    env = configured(host.env, tmp_path, mirror(*release))
    assert "fetches pueue 4.0.4 into ~/.local/bin through this machine" in well(host.name, env=env)


@pytest.mark.parametrize("local", [False, True], ids=["host", "local"])
@pytest.mark.long
def test_a_wrong_checksum_is_refused(
    bare: Host, tmp_path: Path, lab: Lab, release: tuple[str, dict[str, str]], local: bool
) -> None:
    url, sums = release
    env = configured(bare.env, tmp_path, mirror(url, sums | {f"pueued-{TARGET}": "0" * 64}))
    home = bare.home
    if local:
        env |= {"HOME": str(home), "PATH": f"{Path(real('pueue-skill')).parent}:{SYSTEM_PATH}"}
    before = tree(home)
    (scratch := tmp_path / "scratch").mkdir()
    done = setup("local" if local else bare.name, env=env, scratch=scratch)
    assert done.returncode == 1
    assert f"{url}/pueued-{TARGET} has the SHA-256 checksum {sums[f'pueued-{TARGET}']}, not 00000" in done.stderr
    assert not list(home.glob(".local/bin/*"))
    assert not list(home.glob(".config/pueue/*"))
    well("local" if local else bare.name, "--remove", env=env)
    assert set(tree(home)) == set(before)


@pytest.mark.long
def test_pueue_of_this_machine_is_copied(
    home: Path, lab: Lab, tmp_path: Path, release: tuple[str, dict[str, str]]
) -> None:
    env = configured(lab.env, tmp_path, mirror(*release) + "[hosts.local]\ngroups = { p1 = 2 }\n")
    env |= {"HOME": str(home), "PATH": f"{Path(real('pueue-skill')).parent}:{SYSTEM_PATH}"}
    del env["XDG_RUNTIME_DIR"]
    (scratch := tmp_path / "scratch").mkdir()
    assert "a test job succeeded" in well("local", env=env, scratch=scratch)
    assert "nothing was changed" in well("local", env=env | {"XDG_RUNTIME_DIR": str(tmp_path)})
    ran = ["pueue-skill", "run", "--group", "p1", "--follow", "--", "exit 3"]
    assert subprocess.run(ran, env=env, timeout=120).returncode == 3
    well("local", "--remove", env=env)
    until(lambda: not strays(home), "the end of the daemon")
    assert set(tree(home)) <= {".local", ".local/share", ".local/share/pueue"}


@pytest.mark.parametrize(
    ("manager", "called"),
    [
        ("brew", "install --quiet pueue"),
        ("nix", "--extra-experimental-features nix-command flakes profile install nixpkgs#pueue"),
        ("apk", "add --quiet pueue"),
        ("pacman", "--sync --needed --noconfirm pueue"),
        ("cargo", "install pueue --version 4.0.4 --locked --quiet --root"),
    ],
)
@pytest.mark.long
def test_package_managers_run_without_a_prompt(
    make: Callable[..., Host], tmp_path: Path, manager: str, called: str, release: tuple[str, dict[str, str]]
) -> None:
    """With scripts in their place, since no system has all of them: their arguments, and the use of the programs that they install."""
    bring = f"cp {real('pueue')} {real('pueued')}"
    where = '"${9}/bin"' if manager == "cargo" else str(tmp_path / "opt")
    text = f"""#!/bin/sh
if [ "$1" = --version ]; then echo {manager} 1.95.0; exit; fi
echo "$*" >>{tmp_path}/called
case $* in
  *uninstall*|*del*|*remove*) rm {tmp_path}/opt/pueue* ;;
  *) mkdir -p {where.replace("${9}", "${8}")} && {bring} {where.replace("${9}", "${8}")} ;;
esac
"""
    for name in (manager, "rustc", "sudo"):
        program = tmp_path / "opt" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            text if name == manager else '#!/bin/sh\n[ "$1" = -n ] && shift && exec "$@"\necho rustc 1.95.0\n'
        )
        program.chmod(0o755)
    host = make(path=tmp_path / "opt")
    env = configured(
        host.env, tmp_path, f'[setup]\nurl = "{release[0]}/nothing"\n'
    )  # with network access, without a release
    assert "a test job succeeded" in well(host.name, env=env)
    assert (tmp_path / "called").read_text().startswith(called)
    assert host.pueue("--version") == "pueue 4.0.4"
    before = {name for name in tree(host.home) if "bin" in name}
    assert before == {".local/bin", ".local/bin/pueue", ".local/bin/pueued"}
    well(host.name, "--remove", env=env)
    assert not {name for name in tree(host.home) if "bin" in name}
    assert not (tmp_path / "opt/pueue").exists()


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_no_proxy_of_rustup_runs(bare: Host, tmp_path: Path, link: str) -> None:
    """The proxies in ~/.cargo/bin write to the home when they run; the toolchain itself does not."""
    folder = bare.home / ".cargo/bin"
    folder.mkdir(parents=True)
    proxy = folder / "rustup"
    proxy.write_text(f'#!/bin/sh\necho "$0" >>{tmp_path}/ran\nmkdir -p "$HOME/.rustup/tmp"\necho "rustc 1.1.1"\n')
    proxy.chmod(0o755)
    for name in ("cargo", "rustc", "rustfmt"):
        (folder / name).symlink_to("rustup") if link == "symbolic" else (folder / name).hardlink_to(proxy)
    before = tree(bare.home)
    commands = [["setup", bare.name, "--dry-run"], ["audit", bare.name], ["doctor", bare.name]]

    def look() -> str:
        runs = [
            subprocess.run(["pueue-skill", *words], env=bare.env, capture_output=True, text=True) for words in commands
        ]
        script = pueue_provision.look_script(model.Host(bare.name, bare.name), "http://127.0.0.1:9", False)
        found = pueue_provision.read_look(bare.ssh("sh", stdin=None, input=script).stdout)
        assert tree(bare.home) == before, [run.stderr for run in runs]
        assert not (tmp_path / "ran").exists()
        return found.rust

    assert look() == ""
    toolchain = bare.home / ".rustup/toolchains/stable-here/bin/rustc"
    toolchain.parent.mkdir(parents=True)
    toolchain.write_text("#!/bin/sh\necho 'rustc 1.95.0 (59807616e 2026-04-14)'\n")
    toolchain.chmod(0o755)
    (bare.home / ".rustup/settings.toml").write_text('version = "12"\ndefault_toolchain = "stable-here"\n')
    before = tree(bare.home)
    assert look() == "1.95.0 (59807616e 2026-04-14)"
