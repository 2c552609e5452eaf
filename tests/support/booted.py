"""A host that boots: PID 1 is a real systemd, in separate namespaces, and the user logs in over ssh without a session.

Needs root. The root file system is an overlay in memory, so nothing of this machine is changed; only the user's home and the list of
lingering users survive a reboot. The host has no network: an sshd runs inside its namespaces.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from real import REQUIRE_ALL, SYSTEM_PATH, Lab, Text, descendants, kill, real, until

USER, UID = "dev", 4100

BOOT = r"""set -e
lab=$1 memory=$1/memory
mount -t tmpfs memory "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
mount -t overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" root "$memory/root"
cp -RP "$lab/etc/." "$memory/root/etc"
cd "$memory/root"
for folder in usr/bin usr/local/bin opt/homebrew/bin; do rm -f "$folder/pueue" "$folder/pueued"; done # this machine's
mkdir -p var/lib/systemd/linger
mount --rbind /dev dev
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs tmp tmp
mount --bind "$lab/home" home
mount --bind "$lab/linger" var/lib/systemd/linger
mkdir run/sshd
pivot_root . .
umount -l .
cd /
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  "$(command -v /lib/systemd/systemd || command -v /usr/lib/systemd/systemd)" --system --unit=host.target \
  --log-target=console --show-status=no
"""

TARGET = """[Unit]
Requires=basic.target dbus.service systemd-logind.service systemd-user-sessions.service
After=basic.target dbus.service systemd-logind.service systemd-user-sessions.service
AllowIsolate=yes
"""

# What would take long, or reach out of the namespaces.
MASKED = (
    "systemd-sysctl systemd-modules-load systemd-udevd systemd-udev-trigger systemd-random-seed systemd-update-utmp"
    " systemd-remount-fs systemd-firstboot systemd-networkd systemd-resolved systemd-timesyncd systemd-binfmt"
    " systemd-hwdb-update systemd-pstore systemd-journal-flush"
).split()


class Booted:
    """`may_linger`: whether polkit is installed and allows services to run without a login."""

    def __init__(self, lab: Lab, name: str, may_linger: bool = True) -> None:
        self.lab, self.name, self.env = lab, name, lab.env
        for program in ("unshare", "nsenter", "systemctl", "dbus-daemon", "pkaction"):
            real(program)
        if os.getuid():
            (pytest.fail if REQUIRE_ALL else pytest.skip)("a host with systemd needs root")
        self.root = lab.root / name
        self.home = self.root / "home" / USER
        etc = self.root / "etc"
        for folder in (self.home, etc / "ssh", etc / "systemd/system", self.root / "memory", self.root / "linger"):
            folder.mkdir(parents=True)
        os.chown(self.home, UID, UID)
        for file, line in {
            "passwd": f"{USER}:x:{UID}:{UID}::/home/{USER}:/bin/bash",
            "group": f"{USER}:x:{UID}:",
            "shadow": f"{USER}:*:19700:0:99999:7:::",
        }.items():
            (etc / file).write_text(f"{Path('/etc', file).read_text()}{line}\n")
        (etc / "shadow").chmod(0o640)
        (etc / "fstab").touch()
        (etc / "systemd/system/host.target").write_text(TARGET)
        for unit in [*MASKED, *([] if may_linger else ["polkit"])]:
            (etc / f"systemd/system/{unit}.service").symlink_to("/dev/null")
        (etc / "systemd/system/tmp.mount").symlink_to("/dev/null")
        (etc / "ssh/key.pub").write_text(lab.key().with_suffix(".pub").read_text())
        lab.key_of(name, etc / "ssh/host")
        (etc / "ssh/host.conf").write_text(
            "HostKey /etc/ssh/host\nAuthorizedKeysFile /etc/ssh/key.pub\nStrictModes no\nUsePAM no\nPrintMotd no\n"
        )
        inside = f"{real('nsenter')} --all --target $(cat {self.root}/pid)"
        lab.knows(name, f" User {USER}\n ProxyCommand {inside} {real('sshd')} -i -f /etc/ssh/host.conf\n")
        self.cgroup = Path(self.cgroups(), f"pueue-skill-{lab.root.name}-{name}")
        self.boot()

    @staticmethod
    def cgroups() -> Path:
        """Return the mount point of the unified hierarchy."""
        rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        return next(Path(row[1]) for row in rows if row[2] == "cgroup2")

    def boot(self) -> None:
        self.cgroup.mkdir(exist_ok=True)
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--net", "--cgroup", "--fork", "--propagation", "private"]
        join = f'echo $$ >{self.cgroup}/cgroup.procs && exec "$@"'
        command = ["sh", "-c", join, "sh", real("unshare"), *spaces, "bash", "-c", BOOT, "boot", self.root]
        self.process = self.lab.start(*command, env={"PATH": SYSTEM_PATH}, cwd=self.root, log=self.root / "console.log")

        def up() -> bool:
            below = descendants(self.process.pid)
            if not below:
                assert self.process.poll() is None, (self.root / "console.log").read_text()
                return False
            (self.root / "pid").write_text(str(below[0]))
            return self.inside("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

        until(up, "systemd", 30)

    def inside(self, *command: str) -> Text:
        """Run a command on the host as root, and return its stdout."""
        enter = [real("nsenter"), "--all", "--target", (self.root / "pid").read_text()]
        return subprocess.run([*enter, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)

    def ssh(self, command: str) -> Text:
        """Run `ssh NAME COMMAND`."""
        ssh: list[str | Path] = [self.lab.bin / "ssh", self.name, command]
        return subprocess.run(ssh, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)

    def systemctl(self, *words: str) -> str:
        """Run systemctl for the user's service manager, and return its stdout."""
        command = f"XDG_RUNTIME_DIR=/run/user/{UID} systemctl --user {' '.join(words)}"
        return self.ssh(command).stdout.strip()

    def cut_power(self) -> None:
        """Kill every process of the host."""
        kill(descendants(self.process.pid)[:1])
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.cut_power()
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
