"""Slurm: Jobs to shell text, and what Slurm and the jobs themselves say to States.

A job is a script that sbatch reads from standard input: it goes to its folder, has bash (or the login shell) run the work, and writes
down how that ended, for Slurm forgets a job soon after its end (MinJobAge) and may keep no accounts. What a host's user has submitted
through here lies in FOLDER, on the home that login and compute nodes share, a folder a cluster:

    journal         try|TOKEN|EPOCH|COUNT|INDEX|DEPENDENCY|FOLDER|TOLD before a submission, id|TOKEN|ID after it, gone|ID once cleaned
    ended.NODE      ended|ID|KEY|CODE|BEGAN|ENDED|TOKEN, by the job; a file a node, for appends of several nodes to one may be lost
    seen            how jobs have ended by Slurm's word, as it was seen last: seen| and the fields of FIELDS
    jobs/           output (ID.out, ID.err), what is submitted (NAME.sh, NAME.send, NAME.env), and the items of an array (NAME.index)

A token is a name (the key of a job, or = and the digest of an array's index), `#`, and what makes this submission of it unlike any
other. It stands in the job's comment too: a submission whose answer was lost is found by it. All of it is under one lock.

State is asked in one call, squeue in text: --format with a separator is understood by every Slurm that is in use, while --json came
late and is a plugin that sites leave out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence

from pueue_skill.queues.scripts import (
    ADDS,
    ENVIRONMENT,
    LOAD,
    LOCK,
    LONGEST,
    NEW,
    PAUSE,
    REPLY,
    SPELLED,
    TAILS,
    TAKE,
    by_host,
    differences,
    reply,
)
from pueue_skill.queues.scripts import read_tails as read_tails
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOGIN, Group, Host, Job, Needs, Queue, State, Submission
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.shell.kinds import Result, Status

FOLDER = "$HOME/.local/share/pueue-skill/slurm"
USUAL = ("/usr/bin", "/usr/local/bin", "/opt/slurm/bin", "/usr/local/slurm/bin", "/cm/shared/apps/slurm/current/bin")
"""Where sbatch is looked for beside PATH: a bare ssh command has only the system's folders on it."""

HEAD = r"""for pq_folder in {usual}; do
  command -v sbatch >/dev/null && break
  if [ -x "$pq_folder/sbatch" ]; then PATH=$PATH:$pq_folder; fi
done
if ! command -v sbatch >/dev/null; then
  echo "no sbatch on this host: looked for in PATH, {looked}" >&2
  exit 127
fi
# A controller that hangs must not hang its callers.
ask() {{ if command -v timeout >/dev/null; then timeout "${{pq_patience:-60}}" "$@"; else "$@"; fi; }}
pq_config=$(ask scontrol show config </dev/null) || exit 69
pq_cluster=$(printf '%s\n' "$pq_config" | sed -n 's/^ClusterName *= *//p')
pq_data="{folder}/$pq_cluster"
(umask 077 && mkdir -p "$pq_data/jobs") || exit 74
touch "$pq_data/journal" "$pq_data/seen" || exit 74
# queue WORD...: a line `job|` a job, or a part of an array that has not begun
queue() {{
  pq_lines=$(SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 ask squeue --noheader --me --states=all "$@" --Format='{fields}' </dev/null) || return
  printf '%s\n' "$pq_lines" | sed 's/^/job|/'
}}
"""
FIELDS = ":|,".join(["JobArrayID", "State", "Reason", "exit_code", "SubmitTime", "StartTime", "EndTime", "NodeList", "Comment", "Name"]) + ":|"  # fmt: skip

ENDED = "COMPLETED|FAILED|CANCELLED|TIMEOUT|DEADLINE|OUT_OF_MEMORY|NODE_FAIL|BOOT_FAIL|PREEMPTED"

# What Slurm says of the end of our jobs is kept. Of those that it has forgotten before that was seen, and that have not written down
# their end themselves, the accounts are asked, where there are any.
LOOK = r"""look() {{
  pq_there=$(queue "$@") || return 69
  pq_records=$(cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null)
  pq_missing=$({{ cat "$pq_data/journal"; printf '%s\n' "$pq_records" "$pq_there"; }} | awk -F'|' '
    function base(id) {{ sub(/_.*/, "", id); return id }}
    # how many jobs 7_[0-3,9%2] is
    function many(id,    list, part, edge, n, i, all) {{
      if (!match(id, /\[.*\]/)) return 1
      list = substr(id, RSTART + 1, RLENGTH - 2)
      sub(/%.*/, "", list)
      n = split(list, part, ",")
      for (i = 1; i <= n; i++) all += split(part[i], edge, /[-:]/) > 1 ? int((edge[2] - edge[1]) / (edge[3] ? edge[3] : 1)) + 1 : 1
      return all
    }}
    $1 == "try" {{ count[$2] = $4 }}
    $1 == "id" {{ of[$3] = count[$2] }}
    $1 == "gone" {{ delete of[base($2)] }}
    ($1 == "seen" || $1 == "ended") && !($2 in known) {{ known[$2]; ends[base($2)] += many($2) }}
    $1 == "job" {{ lives[base($2)] }}
    $1 == "job" && $3 ~ /^({ended})$/ && $10 ~ /^pueue-skill / && !($2 in seen) {{ print "seen|" substr($0, 5) >new }}
    $1 == "seen" {{ seen[$2] }}
    END {{ for (id in of) if (!(id in lives) && ends[id] < of[id]) {{ printf "%s%s", comma, id; comma = "," }} }}
  ' new="$pq_data/new.$$")
  case $pq_config in *AccountingStorageType*accounting_storage/slurmdbd*)
    if [ -n "$pq_missing" ]; then
      SLURM_TIME_FORMAT=%s ask sacct --noheader --parsable2 --allocations --jobs="$pq_missing" \
        --format=JobID,State,ExitCode,Submit,Start,End,NodeList </dev/null 2>/dev/null | awk -F'|' '
        {{ split($2, state, " "); split($3, code, ":") }}
        # What Slurm itself cancels before it ran; with anybody else it is "CANCELLED by UID".
        {{ reason = $2 == "CANCELLED" && $7 == "None assigned" ? "DependencyNeverSatisfied" : "" }}
        state[1] ~ /^({ended})$/ {{ print "seen|" $1 "|" state[1] "|" reason "|" code[1] * 256 + code[2] "|" $4 "|" $5 "|" $6 "|" $7 "|||" }}' >>"$pq_data/new.$$"
    fi ;;
  esac
  if [ -s "$pq_data/new.$$" ]; then
    cat "$pq_data/new.$$" >>"$pq_data/seen"
    pq_records=$(cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null)
  fi
  rm -f "$pq_data/new.$$"
  cat "$pq_data/journal"
  awk -F'|' '$1 == "try" && $5 != "-" {{ print $2, $5 }}' "$pq_data/journal" | while read -r pq_token pq_index; do
    echo "items|$pq_token"
    cut -d '|' -f 1-3 "$pq_data/jobs/$pq_index.index" 2>/dev/null | sed 's/^/item|/'
  done
  printf '%s\n' "$pq_records" "$pq_there"
}}
"""

# one ID: what there is of one job, as `look` says it
ONE = r"""# told ID: what was written down of a job when it was submitted
told() {{
  awk -F'|' -v id="${{1%%_*}}" '
    $1 == "try" {{ try[$2] = $0 }}
    $1 == "id" && $3 == id {{ print try[$2]; print; split(try[$2], part, "|"); if (part[5] != "-") print "index|" $2 "|" part[5] }}
  ' "$pq_data/journal" | while IFS='|' read -r pq_what pq_token pq_index; do
    if [ "$pq_what" != index ]; then printf '%s|%s|%s\n' "$pq_what" "$pq_token" "$pq_index"; continue; fi
    echo "items|$pq_token"
    grep "^${{1#*_}}|" "$pq_data/jobs/$pq_index.index" | cut -d '|' -f 1-3 | sed 's/^/item|/'
  done
}}
ends() {{ cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null | grep -e "^ended|$1|" -e "^seen|$1|"; }}
one() {{ told "$1"; ends "$1"; queue --jobs="$1" 2>/dev/null; }}
"""

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

FOLLOW = (
    r"""pq_log=$pq_data/jobs/{id}.out pq_errors={errors} pq_offset={offset} pq_errors_offset={errors_offset} pq_last='' pq_turns=0 pq_next=0
"""
    + NEW
    + r"""echo '{reply}'
pq_told=$(told {id})
while :; do
  pq_end=$(ends {id})
  # The job's own word comes through the file system; Slurm is asked less often.
  # What a signal has ended may have been ended by Slurm, whose word then says why.
  case $pq_end in *'|137|'* | *'|143|'*) pq_own= ;; *) pq_own=$pq_end ;; esac
  if [ -z "$pq_own" ] && [ "$pq_turns" -ge "$pq_next" ]; then
    pq_line=$(queue --jobs={id} 2>"$pq_data/said.$$") || {{ cat "$pq_data/said.$$" >&2; rm -f "$pq_data/said.$$"; exit 69; }}
    if [ -s "$pq_data/said.$$" ] && ! grep -qi 'invalid job id' "$pq_data/said.$$"; then cat "$pq_data/said.$$" >&2; rm -f "$pq_data/said.$$"; exit 69; fi
    rm -f "$pq_data/said.$$"
    if [ "$pq_turns" -lt 20 ]; then pq_next=$((pq_turns + 4)); elif [ "$pq_turns" -lt 100 ]; then pq_next=$((pq_turns + 10)); else pq_next=$((pq_turns + 20)); fi
  fi
  pq_state=$(printf '%s\n' "$pq_told" "$pq_end" "$pq_line" | tr '\n' '\036')
  new output "$pq_log" "$pq_offset"
  pq_offset=$pq_size
  if [ -n "$pq_errors" ]; then
    new error "$pq_errors" "$pq_errors_offset"
    pq_errors_offset=$pq_size
  fi
  if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
  pq_last=$pq_state
  if [ -n "$pq_own" ] || [ -z "$pq_line" ]; then exit 0; fi
  case $pq_line in {ended}) exit 0 ;; esac
"""
    + PAUSE
    + "done\n"
)

STATUS = (
    r"""pq_answer=$(look) || exit 69
"""
    + LOAD
    + r"""printf '%s\nload|%s\n%s\n' '{reply}' "$pq_load" "$pq_answer"
"""
)

FAILURES = r"""cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null | awk -F'|' '
  $1 == "ended" && $4 != "0" {{ at[$2] = $6 }}
  $1 == "seen" && $3 != "COMPLETED" {{ at[$2] = $8 }}
  END {{ for (id in at) print at[id], id }}' | sort -n | tail -n {jobs} | while read -r _ pq_id; do one "$pq_id" ''; done"""

VERSIONS = "sbatch --version\n"

ADVICE = (
    ("nvalid partition", 'set hosts.{name}.options to a partition of `sinfo`, as options = ["--partition=NAME"]'),
    (
        "accounting/QOS policy",
        "a limit of your account or QOS is reached (`pueue-skill batch plan` shows them): wait for jobs to end, or name another in hosts.{name}.options",
    ),
    (
        "nvalid account",
        'set hosts.{name}.options to an account of yours (sacctmgr show associations user=$USER), as options = ["--account=NAME"]',
    ),
    (
        "nvalid qos",
        'set hosts.{name}.options to a QOS of yours (sacctmgr show associations user=$USER), as options = ["--qos=NAME"]',
    ),
    ("emory specification", "no node has that much memory for it: `sinfo -o '%P %m'` says what they have"),
    ("node configuration", "no node of the partition has that: `sinfo -o '%P %c %m %G'` says what they have"),
    ("eneric resource", "no node has such GPUs: `sinfo -o '%P %G'` says what there is"),
    ("time limit", "the partition runs nothing that long: `sinfo -o '%P %l'` says how long"),
    ("job array", "the cluster takes no array that large (MaxArraySize)"),
    ("Unable to contact", "its controller does not answer: scontrol ping"),
)
"""What to do about Slurm's own errors, by a part of what they say."""


def head(host: Host) -> str:
    return HEAD.format(usual=" ".join(USUAL), looked=", ".join(USUAL), folder=FOLDER, fields=FIELDS)


def advised(said: str, host: Host) -> str:
    """An error of Slurm's with what to do about it."""
    advice = next((text.format(name=host.name) for part, text in ADVICE if part in said), "")
    return f"{said}\nTry: {advice}" if advice else said


def trouble(host: Host, code: int, said: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return (
            f'{said or "no sbatch"} ({host.name}); add its folder to hosts.{host.name}.path, or set backend = "pueue"'
        )
    see = f"ssh {host.ssh} scontrol ping" if host.ssh else "scontrol ping"
    return f"Slurm of {host.name} gave no answer (exit code {code}): {said}\nSee: {see}"


def work_of(job: Job) -> tuple[str, dict[str, bytes]]:
    """What runs the work of `job`, as sh source, and the files by name that it needs in jobs/. Raises ValueError for NUL."""
    work, files = job.command, {}
    raw = work.encode("utf-8", "surrogateescape")
    shell = LOGIN if job.shell == "login" else "bash"
    plain = "\r" not in work and not any("\udc80" <= char <= "\udcff" for char in work)  # sbatch takes no CR
    text = quote.word(work) if plain else quote.word(SPELLED + quote.ansi_c(work)) if shell == "bash" else ""
    if not text or len(text.encode()) > LONGEST:
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


def told_of(job: Job, limit: int) -> str:
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
        path=f"PATH={path_before(host)}; " if host.path else "", lanes=lanes, told=told_of(job, limit), reply=REPLY,
        again=AGAIN, environment=ENVIRONMENT,
    )  # fmt: skip


def sends(words: Sequence[str], host: Host) -> str:
    """sh text of the function that submits; the folder is entered, so that the job has it by the name that it was given by."""
    path = f"PATH={path_before(host)} " if host.path else ""
    return f'send() {{ cd -- "$pq_folder" && {path}ask {" ".join(words)} "$@"; }}\n'


CLUSTER = f"""pq_data="{FOLDER}/$(scontrol show config | sed -n 's/^ClusterName *= *//p')"
mkdir -p "$pq_data/jobs" && chmod 700 "$pq_data" || exit
"""


# The folder by the name that the shell had for it, unless the node has none of that name.
HERE = """$PWD
[ "$(pwd -P)" = "$SLURM_SUBMIT_DIR" ] || pq_folder=$SLURM_SUBMIT_DIR"""


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """bash text that queues `jobs` on `host` with sbatch and prints an id a line. Raises ValueError when it cannot be text."""
    text = CLUSTER + (f"PATH={path_before(host)}\n" if host.path else "")
    needed = {key for job in jobs for key in job.after}
    ids: dict[str, str] = {}
    limits = dict(host.groups)
    for job in jobs:
        if job.each:
            raise ValueError("the turns of a loop that only the shell knows are no jobs of Slurm yet")
        script, files = script_of(job)
        text += "".join([put(name, content) for name, content in files.items()])
        words = words_of(job, host, job.label or job.key)
        words[2] = f"--chdir={quote.path(job.cwd)}" if job.cwd else '--chdir="$PWD"'
        if job.cwd and job.cwd.startswith("~/"):
            words[2] = f"--chdir={quote.path(job.cwd)}".replace("~/", '"$HOME"/', 1)
        words.append(f"--comment={quote.word(f'pueue-skill {job.key}')}")
        after = [f"{'afterany' if job.if_failed else 'afterok'}:${ids[key]}" for key in job.after]
        limit = limits.get(job.group or "default", 0)
        if limit:
            lane = int(digest(job.key.encode(), 8), 16) % limit + 1
            words[1] = f"--job-name={quote.word(shown(job.group or 'default'))}.{lane}"
            after.append("singleton")
        if after:
            words.append(f"--dependency={','.join(after)}")
        line = " ".join(["sbatch --parsable", *[word for word in words[1:] if word]])
        folder = HERE
        if job.cwd:  # one that is relative has been entered by sbatch
            folder = quote.path(job.cwd) if job.cwd.startswith(("/", "~")) else "$(pwd -P)"
        body = f"#!/bin/sh\npq_token={job.key} pq_folder={folder}\n{script}"
        if job.key in needed:
            name = ids[job.key] = f"pq_id{len(ids) + 1}"
            text += quote.heredoc(f"{name}=$({line}", body).rstrip("\n") + f'\n) && echo "${name}" || exit\n'
        else:
            text += quote.heredoc(line, body)
    return quote.heredoc(f"ssh {host.ssh} 'sh -s'", text) if host.ssh else f"(\n{text})\n"


COMMENTED = regex(r"^.*\bsbatch .*--comment='pueue-skill ([A-Za-z0-9:_.@+-]+)'.*$")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """The jobs that an invocation in `text` queues: the ssh words of their host, their keys, and the line that submits each."""
    return [(ssh, submits[1], line.strip()) for ssh, line in by_host(text) if (submits := COMMENTED.match(line))]


def path_before(host: Host) -> str:
    return ":".join([*[quote.path(folder) for folder in host.path], '"$PATH"'])


ID = regex(r"\d+(?:_\d+)?")


def id_of(id: str) -> str:
    """An id as it may stand in sh source. Raises ValueError."""
    if not ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of a Slurm job")
    return id


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    first, _, rest = reply(answer).partition("\n")
    known, status, id = first.split(" ")
    rest, *more = rest.split(AGAIN + "\n")
    look = read_look(rest)
    state = next((state for state in look.queue.states if state.id == id), None)
    group = next((group for group in look.queue.groups if state and group.name == state.group), None)
    if known == "none":
        return Submission(None, False, f"sbatch failed with exit code {status}", group)
    if state is None or (known == "old" and len(more) != 2):
        raise ValueError("the answer was cut off")
    differs: tuple[str, ...] = ()
    if id in look.work:  # what an invocation has submitted is not written down
        folder, _, environment = more[0].partition("\n") if more else ("", "", "")
        before = dict([line.split("=", 1) for line in more[1].split("\n") if "=" in line]) if more else {}
        differs = differences(job, state, decoded(folder), environment, before) if more else ()
        if look.work[id] != digest(defined(job), 16):
            differs = ("runs another command", *differs)
        if status == "other":
            differs = ("reads another input", *differs)
    return Submission(state, known == "new", "", group, differs)


def follow_script(state: State, host: Host, offset: int, errors_offset: int) -> str:
    ended = " | ".join([f"*'|{name}|'*" for name in ENDED.split("|")])
    return head(host) + ONE.format() + FOLLOW.format(
        id=id_of(state.id), errors=state.errors or "''", offset=offset, errors_offset=errors_offset, reply=REPLY, ended=ended
    )  # fmt: skip


def read_state(answer: str) -> State | None:
    states = read_look(answer.replace("\036", "\n")).queue.states
    return states[-1] if states else None


OUTPUT = '"$pq_data/jobs/$1.out"'


def tails_script(states: Sequence[State], host: Host, count: int) -> str:
    none = "''"
    calls = "\n".join([f"one {id_of(state.id)} {state.errors or none}" for state in states])
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=calls)


def failures_script(host: Host, jobs: int, count: int) -> str:
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=FAILURES.format(jobs=jobs))


def versions_script(host: Host) -> str:
    return head(host) + VERSIONS


def where() -> str:
    return f'pq_data="{FOLDER}"\n'


def status_script(host: Host) -> str:
    return head(host) + LOOK.format(ended=ENDED) + STATUS.format(reply=REPLY)


def read_status(answer: str) -> Queue:
    return read_look(reply(answer)).queue


class Try(NamedTuple):
    """A submission as it was written down."""

    epoch: str
    array: str
    dependency: str
    cwd: str
    told: dict[str, object]


class Live(NamedTuple):
    """What Slurm says of a job."""

    status: str
    reason: str
    raw: int
    submitted: str
    began: str
    ended: str
    nodes: str
    comment: str
    name: str


class Ended(NamedTuple):
    """What a job has written down itself; `code` is a number, or spawn."""

    key: str
    code: str
    began: str
    ended: str
    token: str


class Look(NamedTuple):
    """All that a look tells. `ends` are the exit codes with which each job, by its key, has ended, in their order; `work` are the
    digests of what jobs run, by id; `live` the ids that Slurm itself still knows; `entries` counts the journal's lines."""

    queue: Queue
    ends: dict[str, list[int]]
    work: dict[str, str]
    live: set[str]
    entries: int


LISTED = regex(r"(\d+)_\[([^\]%]*)(?:%\d+)?\]")


def expanded(id: str) -> Iterable[str]:
    """The ids in `7_[0-3,9%2]`."""
    match = LISTED.fullmatch(id)
    if not match:
        return (id,)
    found = []
    for part in match[2].split(","):
        first, _, rest = part.partition("-")
        last, _, step = rest.partition(":")
        found += [f"{match[1]}_{i}" for i in range(int(first), int(last or first) + 1, int(step or 1))]
    return found


def read_look(text: str) -> Look:
    tries: dict[str, Try] = {}
    ids: dict[str, str] = {}  # by token
    items: dict[str, dict[str, tuple[str, str]]] = {}  # by token and place: key, label
    live: dict[str, Live] = {}
    seen: dict[str, Live] = {}
    ends: dict[str, Ended] = {}
    gone: set[str] = set()
    load, of, entries = "", {}, 0
    for line in text.split("\n"):
        what, *rest = line.split("|")
        if what in ("try", "id", "gone"):
            entries += 1
        if what == "try" and len(rest) == 7:
            token, epoch, _, index, dependency, cwd, told = rest
            tries[token] = Try(epoch, index, dependency, decoded(cwd), json.loads(base64.b64decode(told)))
        elif what == "id" and len(rest) == 2:
            ids[rest[0]] = rest[1]
        elif what == "gone":
            gone.add(rest[0])
        elif what == "items":
            of = items.setdefault(rest[0], {})
        elif what == "item" and len(rest) == 3:
            of[rest[0]] = rest[1], decoded(rest[2])
        elif what in ("job", "seen") and len(rest) >= 10:
            id, status, reason, raw, submitted, began, ended, nodes, comment = rest[:9]
            one = Live(status, reason, int(raw or 0), submitted, began, ended, nodes, comment, "|".join(rest[9:-1]))
            (live if what == "job" else seen).update(dict.fromkeys(expanded(id), one))
        elif what == "ended" and len(rest) == 6:
            ends[rest[0]] = Ended(*rest[1:])
        elif what == "load":
            load = rest[0]
    for id, one in live.items():  # submissions whose answer was lost, or that an invocation made
        if one.comment.startswith("pueue-skill "):
            ids.setdefault(own_token(one.comment[12:], id), base(id))
    for id, end in ends.items():
        ids.setdefault(own_token(end.token, id), base(id))
    unit = {
        (f"{id}_{place}" if place else id): (token, key, label)
        for token, id in ids.items()
        for place, (key, label) in (items.get(token) or {"": (token.partition("#")[0], "")}).items()
    }
    # A job that was started again hides the one before. An invocation that was typed again has made another job, which hides none.
    newest = {key: id for id, (token, key, _) in unit.items() if token in tries}
    typed = [id for id, (token, _, _) in unit.items() if token not in tries]
    mine = {id for id in [*newest.values(), *typed] if id not in gone and base(id) not in gone}
    states = []
    for id in sorted({*mine, *[id for id in live if id not in unit and base(id) not in ids.values()]}, key=order):
        token, key, label = unit.get(id, ("", "", ""))
        states.append(
            state_of(id, key or None, label, tries.get(token), live.get(id) or seen.get(id), ends.get(id), items, ids)
        )
    states = given_up(states)
    limits = {str(one.told["group"]): int(str(one.told["limit"])) for one in tries.values()}
    groups = {state.group: limits.get(state.group, 0) for state in states} or {"default": 0}
    codes: dict[str, list[int]] = {}
    for end in sorted(ends.values(), key=lambda end: end.ended):
        codes.setdefault(end.key, []).append(int(end.code) if end.code.isdigit() else 126)
    work = {ids[token]: str(one.told["work"]) for token, one in tries.items() if token in ids}
    queue = Queue(tuple([Group(name, limit, "running") for name, limit in groups.items()]), tuple(states), load)
    return Look(queue, codes, work, set(live), entries)


def own_token(token: str, id: str) -> str:
    """The token of job `id`. The jobs of an invocation all bear its key; the id tells them apart."""
    return token if "#" in token else f"{token}#{base(id)}"


def base(id: str) -> str:
    return id.partition("_")[0]


def order(id: str) -> tuple[int, int]:
    numbers = [int(part) for part in re.findall(r"\d+", id)]
    return numbers[0], numbers[1] if len(numbers) > 1 else -1


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def time_of(epoch: str) -> str | None:
    from datetime import UTC, datetime  # not at the start of a hook, which only makes invocations

    return datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z") if epoch.isdigit() else None


QUEUED = {"PENDING", "REQUEUED", "REQUEUE_FED", "CONFIGURING", "POWER_UP_NODE"}
HELD = {"JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue", "BeginTime"}
KILLED = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "its time limit was reached",
    "DEADLINE": "its deadline was reached",
    "OUT_OF_MEMORY": "out of memory",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node could not be started",
    "PREEMPTED": "preempted by other work",
}
"""What ends a job from outside, in Slurm's words and for people."""


def state_of(
    id: str,
    key: str | None,
    label: str,
    made: Try | None,
    live: Live | None,
    end: Ended | None,
    items: dict[str, dict[str, tuple[str, str]]],
    ids: dict[str, str],
) -> State:
    told = made.told if made else {}
    began = (
        live.began if live and live.nodes not in ("", "None assigned") else ""
    )  # a job that was cancelled in the queue never did
    status, result, code, detail = standing(live, end)
    name = label or told.get("label") or (live.name if live and not made else "")
    sizes = {ids[token]: places for token, places in items.items() if token in ids}
    return State(
        id=id, key=key, status=status, result=result, exit_code=code, detail=detail,
        group=str(told.get("group", "default")), label=str(name) or None, cwd=made.cwd if made else "",
        command=str(told.get("command", "")), after=parents(made.dependency if made else "", id, sizes),
        created=time_of(made.epoch if made else live.submitted if live else end.began if end else "0") or "",
        started=time_of(end.began if end else began if status != "queued" else ""),
        ended=time_of(end.ended if end else live.ended if live and status == "done" else ""),
        errors=f'"{FOLDER}/$pq_cluster/jobs/{id}.err"' if told.get("split") else "",
    )  # fmt: skip


def standing(live: Live | None, end: Ended | None) -> tuple[Status, Result | None, int | None, str]:
    """status, result, exit code and detail, by what Slurm and the job itself say."""
    own = int(end.code) if end and end.code.isdigit() else None
    if end and end.code == "spawn":
        return "done", "spawn", None, "No such file or directory"
    if live and live.status == "CANCELLED" and live.reason == "DependencyNeverSatisfied":
        return "done", "dependency", None, ""
    if live and live.status in KILLED and own in (None, 137, 143):
        node = f" ({live.nodes})" if live.nodes and live.status == "NODE_FAIL" else ""
        return "done", "killed", None, KILLED[live.status] + node
    if own in (137, 143) and live and live.status in ("RUNNING", "COMPLETING"):
        return "running", None, None, ""  # Slurm is about to say whether it has ended it
    if own is not None:
        return (
            "done",
            "failed" if own else "success",
            own,
            "out of memory" if live and live.status == "OUT_OF_MEMORY" else "",
        )
    if live is None:
        return "done", "unknown", None, ""
    if live.status == "COMPLETED":
        return "done", "success", 0, ""
    if live.status == "FAILED" and live.reason == "BadConstraints":  # of an array this is not said when it is submitted
        return "done", "spawn", None, "no node has what it asks for (BadConstraints)"
    if live.status == "FAILED":
        return "done", "failed", 128 + live.raw % 128 if live.raw % 128 else live.raw // 256, ""
    if live.status in KILLED:
        return "done", "killed", None, KILLED[live.status]
    if live.status in QUEUED:
        if live.reason in HELD:
            return "stashed", None, None, ""
        return "queued", None, None, "" if live.reason in ("None", "Dependency", "JobArrayTaskLimit") else live.reason
    if live.status in ("REQUEUE_HOLD", "SPECIAL_EXIT"):
        return "stashed", None, None, ""
    return "paused" if live.status in ("SUSPENDED", "STOPPED") else "running", None, None, ""


PARENT = regex(r"(afterok|afterany|aftercorr)((?::\d+(?:_\d+)?)+)")
WIDEST = 64
"""Tasks of an array up to which they are named one by one as what a job comes after."""


def parents(dependency: str, id: str, sizes: dict[str, dict[str, tuple[str, str]]]) -> tuple[str, ...]:
    """The ids of what a job comes after; of a large array its own id stands for all of its tasks."""
    found = []
    for match in PARENT.finditer(dependency):
        for parent in match[2][1:].split(":"):
            if match[1] == "aftercorr":
                found.append(f"{parent}_{id.partition('_')[2]}")
            elif parent in sizes and "" not in sizes[parent] and len(sizes[parent]) <= WIDEST:
                found += [f"{parent}_{place}" for place in sizes[parent]]
            else:
                found.append(parent)
    return tuple(found)


def given_up(states: list[State]) -> list[State]:
    """Of what Slurm has forgotten before anybody looked, jobs that come after a failed one: those it has ended unrun."""
    by_id = {state.id: state for state in states}
    found = []
    for state in states:  # parents have lower ids
        if state.result == "unknown" and any(
            parent.status == "done" and parent.result != "success" for id in state.after if (parent := by_id.get(id))
        ):
            state = by_id[state.id] = state._replace(result="dependency")
        found.append(state)
    return found
