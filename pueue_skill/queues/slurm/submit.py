"""Jobs in, sh scripts that submit them with sbatch out; what such a script answers in, a Submission out.

A job is a script that sbatch reads from standard input: it goes to its folder, has bash (or the login shell) run the work, and writes
down how that ended. `invocation` is the form of it that needs only bash, ssh and sbatch, and can be pasted.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence

from pueue_skill.plan.model import Job, Needs
from pueue_skill.queues.model import Submission
from pueue_skill.queues.scripts import (
    ADDS,
    ENVIRONMENT,
    LOCK,
    MAX_ARG_BYTES,
    REPLY,
    SPELLED,
    TAKE,
    differences,
    reply,
)
from pueue_skill.queues.slurm.site import FOLDER, head, path_before
from pueue_skill.queues.slurm.state import ENDED, LOOK, ONE, decoded, id_of, parse_snapshot
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOGIN_SHELL, Host
from pueue_skill.startup.digest import digest

# seek NAME: the newest submission under that name that is there and is not cleaned, in $pq_id; written down if its answer was lost
SEND = r"""seek() {{
  pq_found=$({{ cat "$pq_data/journal" "$pq_data"/ended.* 2>/dev/null; queue || echo fails; }} | awk -F'|' -v name="$1" '
    function of(token) {{ sub(/#.*/, "", token); return token }}
    # Jobs that an invocation has made bear its key alone: their ids tell them apart.
    function found(token, job) {{
      sub(/_.*/, "", job)
      if (token == name) tries[++count] = token "#" job
      if (index(token, "#") == 0) token = token "#" job
      lost[token] = job
    }}
    $1 == "try" && of($2) == name {{ tries[++count] = $2 }}
    $1 == "id" {{ id[$2] = $3 }}
    $1 == "gone" {{ gone[$2] }}
    $1 == "ended" {{ found($7, $2) }}
    $1 == "job" && $10 ~ /^pueue-skill / {{ found(substr($10, 13), $2) }}
    $1 == "fails" {{ fails = 1 }}
    END {{
      if (fails) {{ print "fails"; exit }}
      for (; count > 0; count--) {{
        token = tries[count]
        if (token in id && !(id[token] in gone)) {{ print "-", id[token]; exit }}
        if (!(token in id) && token in lost && !(lost[token] in gone)) {{ print token, lost[token]; exit }}
      }}
    }}')
  if [ "$pq_found" = fails ]; then return 69; fi
  pq_id=${{pq_found#* }}
  case $pq_found in '' | '- '*) ;; *) printf 'id|%s|%s\n' "${{pq_found% *}}" "$pq_id" >>"$pq_data/journal" ;; esac
}}
# submit NAME DEPENDENCY COUNT INDEX WORD...: submits what lies under that name in jobs/, and leaves its id in $pq_id
submit() {{
  pq_name=$1 pq_after=$2 pq_count=$3 pq_index=$4
  shift 4
  pq_turn=$((${{pq_turn:-0}} + 1)) pq_id=
  if [ -f "$pq_data/jobs/$pq_name.lanes" ]; then lane "$(cat "$pq_data/jobs/$pq_name.lanes")"; set -- "$@" "--job-name=$pq_lane"; fi
  pq_token="$pq_name#$(date +%s).$$.$pq_turn"
  printf 'try|%s|%s|%s|%s|%s|%s\n' "$pq_token" "$(date +%s)" "$pq_count" "$pq_index" "$pq_after" "$(cat "$pq_data/jobs/$pq_name.told")" >>"$pq_data/journal"
  pq_id=$({{ printf '#!/bin/sh\npq_token=%s\n' "$pq_token"; cat "$pq_data/jobs/$pq_name.sh"; }} | (
    if [ -n "${{pq_again:-}}" ] && [ -f "$pq_data/jobs/$pq_name.env" ]; then
      for pq_one in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        case $pq_one in PATH | SLURM_CONF) ;; *) unset "$pq_one" 2>/dev/null ;; esac
      done
      . "$pq_data/jobs/$pq_name.env"
    fi
    . "$pq_data/jobs/$pq_name.send"
    send --parsable --comment="pueue-skill $pq_token" ${{pq_after:+"--dependency=$pq_after"}} "$@"
  ))
  pq_failed=$?
  pq_id=${{pq_id%%;*}}
  # A submission that failed may have submitted.
  if [ -z "$pq_id" ]; then pq_id=$(queue | awk -F'|' -v said="pueue-skill $pq_token" '$10 == said {{ sub(/_.*/, "", $2); print $2; exit }}'); fi
  if [ -z "$pq_id" ]; then return "$((pq_failed ? pq_failed : 1))"; fi
  printf 'id|%s|%s\n' "$pq_token" "$pq_id" >>"$pq_data/journal"
}}
# lane LIMIT GROUP: a group of N is N lanes, for of the jobs that bear one name Slurm runs one at a time (singleton); the emptiest in $pq_lane
lane() {{
  pq_lane=$(queue --states=pending,running,suspended,completing | awk -F'|' -v limit="${{1%% *}}" -v group="${{1#* }}" '
    {{ taken[$11]++ }}
    END {{ best = 1; for (i = 2; i <= limit; i++) if (taken[group "." i] + 0 < taken[group "." best] + 0) best = i; print group "." best }}')
  pq_after=${{pq_after:+$pq_after,}}singleton
}}
quoted() {{ printf %s "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }}
"""

# Where a job of that key is there, it has to read the same.
FED = r"""pq_part="$pq_data/jobs/{key}.in.$$"
take "$pq_part"
pq_fed=$?
"""
UNFED = "  pq_status=$pq_fed\n"
KEEP = r"""    mv "$pq_part" "$pq_data/jobs/{key}.in" || exit 74
"""
SAME = r"""  if [ "$pq_fed" = 0 ] && ! cmp -s "$pq_part" "$pq_data/jobs/{key}.in"; then pq_status=other; fi
"""

# sh reads the braces to their end before it runs anything, so nobody waits for the lock while a large file is still on its way.
SUBMIT = r"""{fed}{{
{lock}pq_status=0 pq_known=
seek {key} || exit 69
if [ -n "$pq_id" ]; then pq_known=old
{same}else
  pq_known=new
{unfed}  if ! pq_folder=$(cd -- {folder} 2>/dev/null && pwd); then
    echo "there is no folder "{folder} >&2
    pq_status=1
  fi
  {after}
  if [ "$pq_status" = 0 ]; then
    pq_umask_was=$(umask)
    umask 077
{files}    {{
      echo "pq_folder=$(quoted "$pq_folder")"
      # slurmd sets it to BATCH, whatever it was.
      if [ -n "${{ENVIRONMENT+set}}" ]; then echo "ENVIRONMENT=$(quoted "$ENVIRONMENT")"; else echo "unset ENVIRONMENT"; fi
    }} >"$pq_data/jobs/{key}.sh"
{job}    echo "pq_folder=$(quoted "$pq_folder")" >"$pq_data/jobs/{key}.send"
{send}    printf '%s|%s' "$(printf %s "$pq_folder" | base64 | tr -d '\n')" {told} >"$pq_data/jobs/{key}.told"
    ({path}export -p) >"$pq_data/jobs/{key}.env"
    {lanes}"$pq_data/jobs/{key}.lanes"
    umask "$pq_umask_was"
    echo '{adds}'
    submit {key} "$pq_after" 1 - || pq_status=$?
  fi
fi
if [ -z "$pq_id" ]; then pq_known=none; fi
printf '%s\n%s %s %s\n' '{reply}' "$pq_known" "$pq_status" "$pq_id"
if [ -n "$pq_id" ]; then one "$pq_id"; fi
if [ "$pq_known" = old ]; then
  pq_folder=$(cd -- {folder} 2>/dev/null && pwd -P) || pq_folder={folder}
  pq_was=$(cut -d '|' -f 1 "$pq_data/jobs/{key}.told" 2>/dev/null | base64 -d)
  if [ "$(cd -- "$pq_was" 2>/dev/null && pwd -P)" = "$pq_folder" ]; then pq_folder=$pq_was; fi
  printf '%s\n%s\n' '{again}' "$(printf %s "$pq_folder" | base64 | tr -d '\n')"
  ({path}awk {environment} </dev/null)
  printf '%s\n' '{again}'
  pq_awk=$(command -v awk)
  env -i sh -c '. "$1" && "$2" "$3"' sh "$pq_data/jobs/{key}.env" "$pq_awk" {environment} 2>/dev/null </dev/null
fi
}}
"""
AGAIN = "pueue-skill there before"
"""The line before what a submission would have been, and before the environment of the job that was there."""

# Slurm takes a dependency on a job that it has forgotten for one that is met, however that job has ended.
AFTER = r"""pq_after=
  for pq_one in {ids}; do
    if [ -n "$(queue --jobs="$pq_one" 2>/dev/null)" ]; then pq_after="${{pq_after:+$pq_after,}}{kind}:$pq_one"
    elif [ {kind} = afterok ] && ! ends "$pq_one" | grep -q -e '^ended|[^|]*|[^|]*|0|' -e '^seen|[^|]*|COMPLETED|'; then
      echo "job $pq_one, which it is to come after, has failed or is not known" >&2
      pq_status=65
    fi
  done"""

# The wrapper is sh and not bash, so that BASH_ENV and the like are read once, by the work. Names are its own, for what the environment
# exports is still there for the work. What was ended by a signal may be about to be ended itself: then Slurm says how.
WRAPPER = r"""pq_data="{folder}/$SLURM_CLUSTER_NAME" pq_began=$(date +%s) pq_id=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID}}
pq_id=${{pq_id:-$SLURM_JOB_ID}}
pq_ended() {{
  case $1 in 137 | 143) sleep 1 ;; esac
  printf 'ended|%s|%s|%s|%s|%s|%s\n' "$pq_id" "$PUEUE_SKILL_KEY" "$1" "$pq_began" "$(date +%s)" "$pq_token" >>"$pq_data/ended.$SLURMD_NODENAME"
  case $1 in spawn) exit 126 ;; *) exit "$1" ;; esac
}}
{key}
export PUEUE_SKILL_KEY
cd -- "$pq_folder" || pq_ended spawn
exec 3>&2 2>/dev/null
"""
RUN = r"""(exec {run} {stdin} 2>&3 3>&-)
pq_ended "$?"
"""


def work_of(job: Job) -> tuple[str, dict[str, bytes]]:
    """What runs the work of `job`, as sh source, and the files by name that it needs in jobs/. Raises ValueError for NUL."""
    work, files = job.command, {}
    raw = work.encode("utf-8", "surrogateescape")
    shell = LOGIN_SHELL if job.shell == "login" else "bash"
    plain = "\r" not in work and not any("\udc80" <= char <= "\udcff" for char in work)  # sbatch takes no CR
    text = quote.word(work) if plain else quote.word(SPELLED + quote.ansi_c(work)) if shell == "bash" else ""
    if not text or len(text.encode()) > MAX_ARG_BYTES:
        files[digest(raw, 32)] = raw
        text = f'"$pq_data/jobs/{digest(raw, 32)}"'
    else:
        text = f"-c {text}"
    return f"{shell} {text}", files


def script_of(job: Job) -> tuple[str, dict[str, bytes]]:
    """The script of one job but for its first lines, and the files that it needs. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9:_.@+-]{1,200}", job.key):  # it names a file
        raise ValueError(f"the key {job.key!r} may hold letters, digits and : _ . @ + - only, at most 200")
    run, files = work_of(job)
    stdin = f'<"$pq_data/jobs/{job.key}.in"' if job.stdin else "</dev/null"
    nice = f"renice {job.nice} -p $$ >/dev/null 2>&1\n" if job.nice else ""
    text = WRAPPER.format(folder=FOLDER, key=f"PUEUE_SKILL_KEY={job.key}") + nice + RUN.format(run=run, stdin=stdin)
    return text, files


def words_of(job: Job, host: Host, name: str, output: str = "%j", export: str = "--export=ALL") -> list[str]:
    """The words of sbatch for `job`, as sh source; $pq_folder and $pq_data are set when they are read."""
    words = [
        "sbatch",
        f"--job-name={quote.word(shown(name))}",
        '--chdir="$pq_folder"',
        export,
        f'--output="$pq_data/jobs/{output}.out"',
    ]
    if job.split_output:
        words.append(f'--error="$pq_data/jobs/{output}.err"')
    # Nothing runs twice by itself; what can never start does not wait for ever.
    words += ["--no-requeue", "--kill-on-invalid-dep=yes", *resources(job.needs)]
    if job.priority < 0:
        words.append(f"--nice={-100 * job.priority}")
    return [*words, *[quote.word(option) for option in host.options]]


def resources(needs: Needs) -> list[str]:
    words = []
    if needs.cpus:
        words.append(f"--cpus-per-task={needs.cpus}")
    if needs.memory:
        words.append(f"--mem={-(-needs.memory // 2**20)}M")
    if needs.gpus:
        words.append(f"--gpus={needs.gpus}")
    if needs.seconds:
        words.append(f"--time={-(-int(needs.seconds) // 60) + 1}")  # minutes; timeout(1) in the job comes first
    return words


def shown(name: str) -> str:
    """A name that Slurm's lists can hold."""
    return re.sub(r"[^\w.:@+=, -]", "_", name)[:60] or "job"


def metadata_of(job: Job, limit: int) -> str:
    """What Slurm has no place for, in base64."""
    command = job.command.encode("utf-8", "replace").decode()
    short = command if len(command) <= 4000 else command[:4000] + "…"
    said = {"group": job.group or "default", "label": job.label, "command": short, "work": digest(defined(job), 16),
            "split": job.split_output, "limit": limit}  # fmt: skip
    return encoded(json.dumps(said).encode())


def defined(job: Job) -> bytes:
    shell = "bash" if job.shell == "nested" else job.shell
    return "\0".join([shell, job.command, "stdin" if job.stdin else ""]).encode("utf-8", "surrogateescape")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def put(name: str, content: bytes) -> str:
    """sh text that writes a file into jobs/, whole or not at all."""
    file = f'"$pq_data/jobs/{name}"'
    written = quote.heredoc(f"base64 -d >{file}.$$", base64.encodebytes(content).decode())
    return written.replace("\n", f" && mv {file}.$$ {file} || exit 74\n", 1)


def submit_script(job: Job, host: Host) -> str:
    limit = dict(host.groups).get(job.group or "default", 0)
    script, files = script_of(job)
    after = AFTER.format(ids=" ".join(map(id_of, job.after)), kind="afterany" if job.if_failed else "afterok")
    lanes = f"echo {limit} {quote.word(shown(job.group or 'default'))} >" if limit else "rm -f "
    return head(host) + LOOK.format(ended=ENDED) + ONE.format() + SEND.format() + SUBMIT.format(
        lock=LOCK, adds=ADDS, key=job.key, folder=quote.path(job.cwd) if job.cwd else '"$PWD"', after=after if job.after else "pq_after=",
        fed=TAKE.format(key=job.key) + FED.format(key=job.key) if job.stdin else "",
        same=SAME.format(key=job.key) if job.stdin else "",
        unfed=UNFED if job.stdin else "",
        files=(KEEP.format(key=job.key) if job.stdin else "") + "".join([put(name, content) for name, content in files.items()]),
        job=quote.heredoc(f'cat >>"$pq_data/jobs/{job.key}.sh"', script),
        send=quote.heredoc(f'cat >>"$pq_data/jobs/{job.key}.send"', sends(words_of(job, host, job.label or job.key), host)),
        path=f"PATH={path_before(host)}; " if host.path else "", lanes=lanes, told=metadata_of(job, limit), reply=REPLY,
        again=AGAIN, environment=ENVIRONMENT,
    )  # fmt: skip


def sends(words: Sequence[str], host: Host) -> str:
    """sh text of the function that submits; the folder is entered, so that the job has it by the name that it was given by."""
    path = f"PATH={path_before(host)} " if host.path else ""
    return f'send() {{ cd -- "$pq_folder" && {path}ask {" ".join(words)} "$@"; }}\n'


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    first, _, rest = reply(answer).partition("\n")
    known, status, id = first.split(" ")
    rest, *more = rest.split(AGAIN + "\n")
    snapshot = parse_snapshot(rest)
    state = next((state for state in snapshot.queue.states if state.id == id), None)
    group = next((group for group in snapshot.queue.groups if state and group.name == state.group), None)
    if known == "none":
        return Submission(None, False, f"sbatch failed with exit code {status}", group)
    if state is None or (known == "old" and len(more) != 2):
        raise ValueError("the answer was cut off")
    differs: tuple[str, ...] = ()
    if id in snapshot.digests:  # what an invocation has submitted is not written down
        folder, _, environment = more[0].partition("\n") if more else ("", "", "")
        before = dict([line.split("=", 1) for line in more[1].split("\n") if "=" in line]) if more else {}
        differs = differences(job, state, decoded(folder), environment, before) if more else ()
        if snapshot.digests[id] != digest(defined(job), 16):
            differs = ("runs another command", *differs)
        if status == "other":
            differs = ("reads another input", *differs)
    return Submission(state, known == "new", "", group, differs)
