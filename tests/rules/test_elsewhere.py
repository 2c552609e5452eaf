"""Rules see what other programs run elsewhere: long work is found, and probes are not."""

from __future__ import annotations

import pytest

from pueue_skill.plan.analysis import analyse
from pueue_skill.rules.gate import interesting

PROBES = [
    "kubectl exec web-0 -- ls -la /srv/checkpoints",
    "kubectl -n ml exec -it deploy/trainer -- nvidia-smi",
    "kubectl exec -it web-0 -n ml -- bash",
    "oc rsh web-0 cat /etc/os-release",
    "docker -H ssh://dev@box ps",
    "docker --context far logs --tail 20 web",
    "DOCKER_HOST=ssh://box docker images",
    "ansible all -m ping",
    "ansible gpu -m shell -a 'free -h; df -h'",
    "ansible web -m service -a 'name=nginx state=restarted'",
    "pdsh -w node[1-4] uptime",
    "clush -ab 'systemctl is-active slurmd'",
    "parallel-ssh -i -H 'a b' hostname",
    "fab -H box -- tail -n 5 train.log",
    "gcloud compute ssh vm-1 --zone z",
    "gcloud compute ssh vm-1 --zone z --command 'pgrep -f train.py'",
    "gcloud compute tpus tpu-vm ssh pod-8 --worker=all --command='ls ~/train.py'",
    "az vm run-command invoke -g lab -n vm-2 --command-id RunShellScript --scripts 'tail -n 20 train.log'",
    "aws ssm start-session --target i-0",
    "tsh ssh box git log --oneline -1",
    "sshpass -e ssh box 'head train.py'",
    "mosh box",
    "vagrant ssh -c 'ls train'",
    "lxc exec c1 -- systemctl status",
    "nsenter -t 1 -n ss -tlnp",
    "chroot /mnt dpkg -l",
    "heroku run bash",
    "fly ssh console -C 'env'",
    "watch -n 5 'ssh box tail train.log'",
    "minikube ssh -- docker ps",
    "plink gpu tail train.log",
    "salt '*' test.ping",
    "salt '*' cmd.run 'df -h'",
    "kubectl debug -it web-0 --image=busybox -- sh",
    "wsl --list --verbose",
    "perf report -i train.data",
    "perf stat ls",
    "nix develop -c which python",
    "uvx ruff check train.py",
    "hyperfine 'ls train'",
    # a file that is sent and not run
    "ssh gpu 'cat > run.py' < run.py",
    "ssh gpu 'tee train.sh' < train.sh",
    "ssh gpu md5sum < train.py",
    "ssh gpu 'grep foo' < train.py",
    "ssh gpu 'dd of=train.py' < train.py",
    "ssh gpu 'sudo -u app tee train.py >/dev/null' < train.py",
    "ssh gpu 'psql -c \"select 1\"' < load.sql",
    "ssh gpu 'python3 -c \"import sys; print(len(sys.stdin.read()))\"' < train.py",
    "cat train.sh | ssh gpu 'cat > train.sh'",
    "kubectl exec -i web-0 -- tee run.sh < run.sh",
]
WORK = {
    "ssh gpu < run.sh": "run.sh runs on the host",
    "ssh gpu bash < run.sh": "run.sh runs on the host",
    "ssh gpu 'bash -s' < run.sh": "run.sh runs on the host",
    "ssh gpu 'cd app && sudo bash' < run.sh": "run.sh runs on the host",
    "ssh gpu 'sudo -i' < run.sh": "run.sh runs on the host",
    "ssh gpu python3 - < run.py": "run.py runs on the host",
    "ssh gpu python3 -u < run.py": "run.py runs on the host",
    "ssh gpu psql -h db shop < load.sql": "load.sql runs on the host",
    "cat run.sh | ssh gpu": "run.sh runs on the host",
    "cat run.sh | ssh gpu bash": "run.sh runs on the host",
    "kubectl exec web-0 -- python train.py": "web-0 inside the connection of kubectl exec; its exit status and output are lost",
    "kubectl exec -i web-0 -- bash -s < run.sh": "run.sh runs on web-0 inside the connection of kubectl exec",
    "oc exec deploy/etl -- ./run.sh": "deploy/etl inside the connection of oc exec",
    "docker -H ssh://dev@box build -t app .": "box inside the connection of docker and is lost with it",
    "ansible gpu -m shell -a 'cd /srv && python train.py'": "gpu inside the connection of ansible and is lost with it",
    "pdsh -w node[1-4] /srv/run.sh": "node[1-4] inside the connection of pdsh",
    "gcloud compute ssh dev@vm-1 --command 'python train.py'": "vm-1 inside the connection of gcloud compute ssh",
    "az vm run-command invoke -g lab -n vm-2 --command-id RunShellScript --scripts 'python train.py'": "vm-2 inside the connection of az",
    "gcloud compute ssh vm-1 --command 'bash -s' < run.sh": "run.sh runs on vm-1 inside the connection of gcloud compute ssh",
    "gcloud compute ssh vm-1 --command 'bash -s' <<'E'\npython train.py\nE\n": "training runs on vm-1",
    "sshpass -e ssh box 'python train.py'": "box inside the ssh connection",
    "salt 'gpu*' cmd.run 'python train.py'": "gpu* inside the connection of salt",
    "k3s kubectl -n ml exec web-0 -- python train.py": "web-0 inside the connection of kubectl exec",
    "perf stat -d python train.py": "in the foreground is killed",
    "hyperfine -w 3 'python train.py --a' 'ls'": "in the foreground is killed",
    "uvx snakemake --cores 8": "in the foreground",
    "apptainer run --nv img.sif python train.py": "in the foreground is killed",
    "ssh -t gpu \"bash -lc 'conda activate x && python train.py'\"": "training runs on gpu inside the ssh connection",
    "fd -e wav -x ffmpeg -i {} {.}.flac": "is started by fd for each item",
    "mosh box -- python train.py": "box inside the connection of mosh",
    "docker -H tcp://box run img python train.py": "training runs on box inside the connection of docker; its exit status and output are lost with it",
    "docker --context far compose exec web python train.py": "far inside the connection of docker; its exit status and output are lost with it",
    "lxc exec c1 -- python train.py": "in the foreground is killed",
}


@pytest.mark.parametrize("text", PROBES)
def test_probes_are_not_flagged(text: str) -> None:
    assert analyse(text, {}).findings == ()


@pytest.mark.parametrize("text", WORK)
def test_work_is_flagged_with_its_host(text: str) -> None:
    assert interesting(text)
    (finding,) = analyse(text, {}).findings
    assert WORK[text] in finding.message
