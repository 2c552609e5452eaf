"""Which tools detach their work, which need a terminal or an answer, and what to type instead."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from real import Daemon, real

from pueue_skill.plan.analysis import analyse
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Command, Host
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script
from pueue_skill.shell.wrappers import WRAPPERS

HOSTS = {"bigblack": Host("bigblack", "bigblack", "~/.local/bin/pueue")}


def last(text: str) -> Command:
    """Return the innermost command of a text."""
    script = parse(text)
    assert isinstance(script, Script)
    return commands(script)[-1]


DETACHED = {
    "docker run -d img work": "docker run -d leaves it to Docker",
    "docker run -itd img work": "docker run -d leaves it to Docker",
    "docker run --name x --detach=true img work": "docker run --detach leaves it to Docker",
    "docker --context far run -d img work": "docker run -d leaves it to Docker",
    "docker container run -dp 80:80 img work": "docker container run -d leaves it to Docker",
    "docker exec -d web work": "docker exec -d leaves it to Docker",
    "docker start web": "docker start leaves it to Docker",
    "sudo -n podman run -d img work": "podman run -d leaves it to Podman",
    "nerdctl run -d img work": "nerdctl run -d leaves it to containerd",
    "docker compose -f a.yml up -d": "docker compose up -d leaves it to Docker",
    "docker compose up web --wait": "docker compose up --wait leaves it to Docker",
    "docker-compose run -d web work": "docker-compose run -d leaves it to Docker",
    "docker run -d img bash -c 'work'": "docker run -d leaves it to Docker",
    "systemd-run --user work": "systemd-run leaves it to systemd",
    "systemd-run -d --property MemoryMax=1G work": "systemd-run leaves it to systemd",
    "kubectl run x --image=img -- work": "kubectl run leaves it to Kubernetes",
    "ssh -f h work": "ssh -f runs it in the background",
    "ssh -o ForkAfterAuthentication=yes h work": "ssh -f runs it in the background",
    "wget -qbc https://x/y": "wget -b runs it in the background",
    "wget https://x/y --background": "wget --background runs it in the background",
    "nextflow -bg run x": "nextflow -bg runs it in the background",
    "sem -j2 work": "sem runs it in the background",
    "sbatch --array 1-3 x.sh": "sbatch leaves it to Slurm",
    "bsub -n 4 work": "bsub leaves it to LSF",
    "aws --profile p batch submit-job --job-name x": "aws batch submit-job leaves it to AWS Batch",
    "gcloud builds submit --async": "gcloud --async leaves it to Google Cloud",
    "prefect deployment run a/b": "prefect deployment run leaves it to Prefect",
}
ATTACHED = [
    "docker run --rm -i img work -d", "docker run -e A=-d img work", "docker run -d=false img work", "docker run --detach=false img work",
    "docker run --name -d img work", "docker start -a web", "docker compose up", "docker compose run web work -d", "docker exec web work",
    "systemd-run --scope work", "systemd-run --wait --pipe work", "systemd-run -P work", "kubectl run -i --rm x --image=img -- work",
    "kubectl exec pod -- work -d", "ssh h work -f", "ssh -o ForkAfterAuthentication=no h work", "wget -qO b https://x/y", "wget https://x/-b",
    "sbatch --wait x.sh", "bsub -K work", "bsub -Is work", "gcloud builds submit", "prefect deployment run a/b --watch", "nextflow run x",
    "flux run work", "sem --fg work", "docker ps -d",
]  # fmt: skip


@pytest.mark.parametrize("text", DETACHED)
def test_detaching_commands(text: str) -> None:
    detached = last(text).detached
    assert detached is not None
    assert detached.leaves("it") == DETACHED[text]


@pytest.mark.parametrize("text", ATTACHED)
def test_commands_that_do_not_detach(text: str) -> None:
    assert last(text).detached is None


TERMINALS = {
    "docker run -it img work": "docker run -t",
    "docker exec --interactive --tty web work": "docker exec --tty",
    "docker compose exec -it web work": "docker compose exec -t",
    "podman run -ti img bash -c work": "",
    "kubectl -n ns exec -it pod -c app -- work": "kubectl exec -t",
    "kubectl exec pod --stdin --tty -- work": "kubectl exec --tty",
    "oc exec -t pod work": "oc exec -t",
    "srun -N1 --pty work": "srun --pty",
    "systemd-run -t work": "systemd-run -t",
    "bsub -Is bash": "bsub -Is",
    "salloc -N1": "salloc",
    "poetry shell": "poetry shell",
    "docker run -i img work -t": "",
    "docker run --tty=false -i img work": "",
    "docker run -u t img work": "",
    "srun work --pty": "",
    "salloc -N1 work": "",
    "poetry run work": "",
}


@pytest.mark.parametrize("text", TERMINALS)
def test_commands_that_need_a_terminal(text: str) -> None:
    assert last(text).terminal == TERMINALS[text]


ASKS = {
    "apt-get dist-upgrade": "apt-get dist-upgrade", "sudo apt install x": "apt install", "dnf upgrade": "dnf upgrade", "pacman -Syu": "pacman",
    "terraform apply": "terraform apply", "terraform -chdir=infra destroy": "terraform destroy", "ansible-playbook -K site.yml": "ansible-playbook",
    "conda install numpy": "conda install",
    "apt-get -y dist-upgrade": "", "apt-get dist-upgrade -qy": "", "dnf -y upgrade": "", "pacman -Syu --noconfirm": "", "pacman -Qs x": "",
    "terraform apply -auto-approve": "", "terraform apply plan.out": "", "terraform plan": "", "ansible-playbook site.yml": "", "apt list": "",
}  # fmt: skip


@pytest.mark.parametrize("text", ASKS)
def test_commands_that_ask_for_confirmation(text: str) -> None:
    assert last(text).asks == ASKS[text]


FOREGROUND = ("PQ1", "PQ2", "PQ301", "PQ302", "PQ402")


@pytest.mark.parametrize("text", [text for text in DETACHED if "work" in text])
def test_detaching_commands_are_neither_queued_nor_called_foreground(text: str) -> None:
    analysis = analyse(text.replace("work", "python train.py --epochs 3"), HOSTS)
    assert not [finding for finding in analysis.findings if finding.rule.startswith(FOREGROUND)]
    if "ssh" in text:
        return  # ssh -f is taken away, and the work is queued
    assert (analysis.plan.jobs, analysis.plan.in_place) == ((), None)


@pytest.mark.parametrize("text", [text for text, option in TERMINALS.items() if option and "work" in text])
def test_commands_that_need_a_terminal_are_not_queued(text: str) -> None:
    plan = analyse(text.replace("work", "python train.py --epochs 3"), HOSTS).plan
    assert (plan.jobs, plan.in_place) == ((), None)
    assert "asks for a terminal" in plan.reason


AT_THE_TERMINAL = {
    "python train.py < /dev/tty": "reads or writes /dev/tty",
    "for s in a b; do python train.py $s; done < /dev/tty": "reads or writes /dev/tty",
    "exec < /dev/tty; python train.py": "reads or writes /dev/tty",
    "xargs -p -n1 python train.py < s.txt": "xargs -p asks for a terminal",
    "ls | xargs -pn1 python train.py": "xargs -p asks for a terminal",
    "cat s.txt | xargs -o -n1 python train.py": "xargs -o asks for a terminal",
    "ssh bigblack 'ls | xargs -p python train.py'": "xargs -p asks for a terminal",
    "parallel -p python train.py ::: a b": "parallel -p asks for a terminal",
    'find data -name "*.csv" -ok python train.py {} \\;': "find asks for confirmation",
    'find data -name "*.csv" -okdir python train.py {} \\;': "find asks for confirmation",
    "read x 3< f; python train.py": "it reads an answer from a terminal",
}


@pytest.mark.parametrize("text", AT_THE_TERMINAL)
def test_commands_that_use_dev_tty_are_not_queued(text: str) -> None:
    plan = analyse(text, HOSTS).plan
    assert (plan.jobs, plan.in_place) == ((), None)
    assert AT_THE_TERMINAL[text] in plan.reason
    assert "Try:" not in plan.reason


@pytest.mark.parametrize(
    "text",
    [
        "cat s.txt | xargs -n1 python train.py -p 5 -o x",
        "yes | find data -ok python train.py {} \\;",
        "parallel -j1 python train.py -p {} ::: a",
    ],
)
def test_options_of_a_wrapped_command_are_not_options_of_the_wrapper(text: str) -> None:
    assert analyse(text, HOSTS).plan.jobs


STAND_IN = """#!/bin/sh
printf '%s\\n' "${0##*/}" "$@" >>"$HOME/ran"
echo ran
"""
CURES = {
    "docker run -d --rm img python train.py -d": "docker run --rm img python train.py -d",
    "docker run -itd --name 'a b' img python train.py": "docker run -i --name 'a b' img python train.py",
    "docker run -dt img python train.py": "docker run img python train.py",
    "docker exec --detach=true web python train.py": "docker exec web python train.py",
    'docker compose run -d web python train.py --name "it\'s"': 'docker compose run web python train.py --name "it\'s"',
    "mkdir -p out && docker run -dp 80:80 img python train.py": "mkdir -p out && docker run -p 80:80 img python train.py",
    "systemd-run --user python train.py": "systemd-run --wait --user python train.py",
    "systemd-run --user -t python train.py": "systemd-run --wait --user python train.py",
    "kubectl -n ns exec -it pod -- python train.py": "kubectl -n ns exec -i pod -- python train.py",
    "kubectl run x --image=img -- python train.py": "kubectl run --attach x --image=img -- python train.py",
    "srun -N1 --pty python train.py": "srun -N1 python train.py",
    "wget -qbc https://example.org/x.tar.gz": "wget -qc https://example.org/x.tar.gz",
    "nextflow -bg run pipeline": "nextflow run pipeline",
}
"""Texts, and the command that their reason suggests."""


@pytest.mark.parametrize("text", CURES)
def test_the_suggested_option_keeps_the_work_attached(pueued: Daemon, tmp_path: Path, text: str) -> None:
    """The suggested command runs the tool as a job, attached, with its output and exit status."""
    for name in ("docker", "systemd-run", "kubectl", "srun", "wget", "nextflow"):
        (tmp_path / name).write_text(STAND_IN)
        (tmp_path / name).chmod(0o755)
    reason = analyse(text, HOSTS).plan.reason
    cure = reason.partition(". Try: ")[2]
    env = pueued.env | {"PATH": f"{tmp_path}:{pueued.env['PATH']}", "HOME": str(tmp_path)}
    said = subprocess.run(["bash", "-c", cure], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (0, "ran\n"), said.stderr
    ran = (tmp_path / "ran").read_text()
    (tmp_path / "ran").unlink()
    subprocess.run(["bash", "-c", CURES[text]], env=env, cwd=tmp_path, capture_output=True, check=True)
    assert ran == (tmp_path / "ran").read_text()


def test_options_of_systemd_run_that_take_a_value() -> None:
    """The table equals that of the real program."""
    shown = subprocess.run([real("systemd-run"), "--help"], capture_output=True, text=True, check=True).stdout
    valued = re.findall(r"^ +(?:-(\w) )? *--([\w-]+)=\S+", shown, re.MULTILINE)
    known = WRAPPERS["systemd-run"]
    assert {short for short, _ in valued if short} <= {*known.short}
    assert {long for _, long in valued} <= {*known.long.split()}
