"""Data about the files that programs write and keep, judged by option names and values; read by conflicts.py.

An option is judged by the words of its name (`--checkpoint-dir`, `--outFileNamePrefix`, `DB_PATH=`). An option with an
unknown name is judged by the form of its value: a path may be written; a number, a word or an address is a setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pueue_skill.startup.record import NamedTuple
from pueue_skill.startup.regex import regex

# fmt: off
WRITES = set("""
    out output outputs o O dest destination target save saved write export dump report results result artifacts dst to log logs record recording summary metrics
    tensorboard predictions preds submission
""".split())
"""Words in options that name an output."""

KEEPS = set("""
    state states resume checkpoint checkpoints ckpt ckpts cache caches cached db database sqlite duckdb store storage journal lock pid progress bookmark watermark history
    archive session snapshot snapshots work scratch tmp temp run runs spool memo pot restart accumulate ledger
""".split())
"""Words in options that name state kept from one run to the next."""

READS = set("""
    config configs configuration conf cfg settings data dataset datasets input inputs in i source sources src from script vocab tokenizer template templates schema ref
    reference refs genome fasta manifest symbols list lists ids prompt prompts query queries sql spec recipe env requirements pretrained base load key cert ca include includes
    isystem I L B lib libs rules grammar dictionary dict mapping map module train val valid validation test eval gt labels corpus init initial warm warmstart import read reads bed gtf gff
    regions panel credentials token secrets identity inventory playbook image images video audio mesh scene font theme
""".split())
"""Words in options that name an input."""

MODELS = set("model models weights encoder decoder adapter teacher student".split())
"""Words in options that name a model: an input, unless it is a file of weights, which training writes."""

WEIGHTS = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5", ".keras", ".onnx", ".bin", ".safetensors", ".npz", ".npy", ".model", ".json", ".cbm", ".ubj")

SETTINGS = set("""
    format level interval every steps step size freq frequency type mode limit ttl backend engine verbosity style max min num count n rate ratio period days hours
    workers threads jobs batch order by only no not without dry timeout column columns field fields width height length method policy strategy
""".split())
"""Words that make an option with a plain value a setting, whatever other words its name has: `--log-level`,
`--save-every`."""

PLAIN_FILES = set("out output o save state checkpoint ckpt resume db database sqlite store cache".split())
"""Words that name a file or folder, whatever the form of the value: `--out model`."""

DEVICES = set("gpu gpus device devices cuda hip rocr visible".split())
"""Words in options that select a device."""

PLACEMENT = DEVICES | set("omp mkl threads thread cpu cpus core cores port node nodes rank local seed nice priority affinity numa num master world size addr".split())
"""Words in options whose number names nothing that iterations could share."""

ORDERED = set("""
    stage stages phase phases step steps round rounds attempt attempts retry retries try tries pass passes generation generations gen epoch epochs iteration
    iterations iter cycle cycles turn milestone migration migrations revision
""".split())
"""Words for consecutive steps: a loop variable, option or value with such a name shows that iterations build on each
other."""

STEP_NAMES = set("""
    prepare prep preprocess extract transform load download fetch ingest clean build compile train fit finetune evaluate eval test predict infer deploy publish upload migrate
    seed setup init install configure merge aggregate report postprocess finalize validate
""".split())
"""Values that name an action, not its object: several of them are the steps of a pipeline."""

DATA_PARTS = set("split splits subset set dataset partition part fold task".split())
"""Words of variables whose values are parts of a data set, even if these are called train and test."""

READ_FORMS = (
    ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".env", ".sql", ".py", ".sh", ".bash", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".rs", ".go", ".java", ".f90", ".cu", ".a", ".so", ".dylib", ".lib", ".r", ".R", ".jl", ".js", ".mjs", ".ts", ".rb", ".pl", ".jar", ".class", ".ipynb",
    ".j2", ".jinja", ".tmpl", ".template", ".proto", ".graphql", ".tf", ".mk", ".dockerfile", ".fa", ".fasta", ".fna", ".faa", ".2bit", ".gtf", ".gff", ".gff3", ".bed", ".fai", ".blend", ".mdp", ".top",
)
"""Suffixes of files that programs read and rarely write."""

WORDS_OF_FORMATS = set("json yaml yml csv tsv table text txt plain none auto true false yes no on off stdout stderr - parquet arrow html xml md junit wide console silent 0 1".split())
"""Values that name a format or a switch, for options that may also take a file."""
# fmt: on


class Tool(NamedTuple):
    """A program with state that its runs share: `where` is folder or machine.

    It changes the state with one of `words` as a first word (any, if empty), and not with one of `but`.
    """

    where: str
    words: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


def parse_tools(where: str, text: str) -> Iterator[tuple[str, Tool]]:
    """The (program, Tool) pairs of lines `PROGRAM …: WORD … !WORD …`."""
    for line in text.strip().splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        for program in name.split():
            yield (
                program,
                Tool(where, tuple([w for w in words if w[0] != "!"]), tuple([w[1:] for w in words if w[0] == "!"])),
            )


STATEFUL: Mapping[str, Tool] = dict([
    *parse_tools("folder", """
        git: !log !show !diff !status !rev-parse !ls-files !ls-remote !cat-file !describe !blame !grep !rev-list !shortlog !name-rev !for-each-ref !bundle !archive !fsck !clone !count-objects
        svn hg jj: !log !status !diff !cat !info
        make gmake bmake ninja autoninja samu cmake ctest meson scons waf tup:
        bazel bazelisk buck2 buck pants gradle gradlew mvn mvnw ant sbt mill stack cabal:
        cargo cross: !metadata !search !tree !locate-project !fmt
        npm pnpm yarn bun: !view !info !search !audit
        terraform tofu terragrunt pulumi cdk: !output !show !validate !fmt !graph !version
        dvc: !status !diff !list !dag
        dbt sqlmesh: !list !ls !show !debug
        snakemake: !--dry-run !-n
        poetry pdm: install add remove update lock sync self
        latexmk pdflatex xelatex lualatex:
        mix rebar3 dune opam nix-shell:
    """),
    *parse_tools("machine", """
        pip pip3 pipx pipenv: install uninstall sync update upgrade inject
        uv: add remove sync lock pip tool python
        conda mamba micromamba: install update upgrade remove uninstall env create clean
        apt apt-get aptitude dnf yum zypper pacman apk brew snap flatpak port emerge:
        gem cpan cpanm luarocks: install update uninstall
        rustup pyenv nvm asdf: install update uninstall default global use
        docker-compose podman-compose: !config !ps !logs
        borg borgmatic restic kopia duplicity duplicacy bup attic: !list !info !ls !snapshots
        alembic flyway liquibase dbmate goose atlas sqitch:
        nixos-rebuild home-manager:
        helm helmfile: install upgrade uninstall rollback apply sync
        vagrant: up destroy provision reload halt
    """),
])  # fmt: skip
"""By program."""

COMPOSE = {"docker", "podman", "nerdctl"}
CONTAINERS = {f"{engine} {verb}" for engine in ("docker", "podman") for verb in ("run", "exec")} | {
    "kubectl exec",
    "docker compose exec",
    "docker compose run",
}
ENVIRONMENTS = {"conda run", "mamba run", "micromamba run", "uv run", "singularity exec", "apptainer exec", "srun"}
"""Wrappers whose own words say in what a command runs: with the value of a turn in them it is another run."""
COMPOSE_READS = {"config", "ps", "logs", "images", "ls", "version", "top"}
MIGRATION = regex(r"(?:^|[^a-z])(?:migrat(?:e|es|ion|ions)|makemigrations)(?![a-z])", re.IGNORECASE)
OWN_FOLDER = {"-C", "--directory", "--cwd", "--chdir", "-chdir", "--prefix", "--manifest-path", "--target-dir", "--project-directory", "--work-tree", "--git-dir",
              "-B", "--build", "-S", "--project", "--target-path", "--workdir", "-w", "-p", "--file", "-f", "O", "BUILD", "BUILDDIR", "B"}  # fmt: skip
"""Options that make a tool work in another folder."""

LAST_WRITTEN = {"cp", "mv", "ln", "install", "rsync", "scp", "ffmpeg", "mksquashfs", "convert", "magick", "pandoc", "sox", "gsutil", "rclone"}  # fmt: skip
"""Programs that write their last operand."""

FIRST_WRITTEN = {"sqlite3", "duckdb", "zip", "7z", "7za", "7zz", "rar"}
"""Programs that keep state in their first operand."""

ALL_WRITTEN = {"rm", "rmdir", "mkdir", "touch", "truncate", "tee", "patch", "shred", "mkfifo", "sponge", "chmod", "chown"}  # fmt: skip
"""Programs that change all operands."""

NAMED_BY_INPUT = {
    "whisper": ("output_dir", "o"), "fasterq-dump": ("O", "outdir"), "fastq-dump": ("O", "outdir"), "prefetch": ("O", "output-directory"), "wget": ("P", "directory-prefix"),
    "fastqc": ("o", "outdir"), "demucs": ("o", "out"), "unzip": ("d",), "libreoffice": ("outdir",), "soffice": ("outdir",), "yt-dlp": ("o", "P", "paths"),
    "huggingface-cli": ("cache-dir",), "whisperx": ("output_dir", "o"),
}  # fmt: skip
"""Programs that name their output files after the input, and their option for the output folder."""

OUTPUT_BY_F = {"pg_dump", "pg_dumpall", "tar", "expdp"}
"""Programs whose `-f` is the output file."""

CALCULATING_PROGRAMS = {"date", "gdate", "expr", "bc", "dc", "awk", "gawk", "seq", "python", "python3", "perl", "ruby", "node", "jq"}  # fmt: skip
"""Programs that, in a substitution, may compute another iteration's value from this one's."""

NO_OUTPUT_O = set(
    "grep egrep fgrep zgrep rg ps find [ test ls set shopt cut tr od ssh scp sftp mount id lsof ip docker comm join column compgen".split()
)
"""Programs whose `-o` is not an output file."""

DECLARING_BUILTINS = {"local", "declare", "typeset", "readonly", "export", "set"}
"""Builtins whose NAME=value words set shell variables."""

ARCHIVERS = {"tar", "gzip", "bzip2", "xz", "zstd", "zip", "7z"}
"""Programs whose last operand is not a destination."""
TRANSFERS = ARCHIVERS | {"cp", "mv", "aws", "rsync", "scp", "gsutil", "rclone"}
"""Programs whose operands are files, whatever the form of their names."""
TRANSFER_VERBS = {"s3", "cp", "mv", "sync", "copy", "move", "rsync", "a"}
PLAIN_NAME = regex(r"[A-Za-z_][\w.+-]*")

HARMLESS_PROGRAMS = {"echo", "printf", "sleep", ":", "true", "date", "wait", "logger"}
"""Programs whose words do not affect the work."""

FILE_WORDS = regex(r"(?:dir|directory|file|filename|path|folder|prefix|uri|url)s?$")
FOLDER_VARIABLES = ("_DIR", "_DIRECTORY", "_FOLDER")
PARTS = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+")
ADDRESS = regex(r"(?!file:|sqlite|duckdb)[a-z][a-z0-9+.-]*://", re.IGNORECASE)
ENDING = regex(r"(?:^|[^/])\.[A-Za-z]\w{0,9}$")
NUMBER = regex(r"[-+]?[\d._]+(?:[eE][-+]?\d+)?[a-zA-Z%]{0,2}|[\d:,./-]+")
OPTION = regex(r"(--?[A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
SETTING = regex(r"[+~]*([A-Za-z_][\w.]*)=(.*)", re.DOTALL)
ATTACHED = regex(r"-([A-Za-z])([^=\s-].*[./].*)", re.DOTALL)


def name_words(name: str) -> list[str]:
    """The words of an option's name, without a final `dir` or `file`; for a short option its letter, case preserved."""
    bare = name.lstrip("-")
    if len(bare) == 1:
        return [bare]
    parts = [FILE_WORDS.sub("", part.lower()) for part in PARTS.findall(bare)]
    return [part for part in parts if part]


def is_path(value: str) -> bool:
    """Whether the value has the form of a file or folder."""
    if ADDRESS.match(value) or NUMBER.fullmatch(value) or value in ("", "-", "."):
        return False
    return ("/" in value and " " not in value) or ENDING.search(value) is not None


def role_of_variable(name: str, value: str) -> str:
    """The role of an environment variable's value, as in `role`; a variable that names an unknown folder keeps state."""
    found = role(name, value)
    return "keeps" if found == "unknown" and name.upper().rstrip("=").endswith(FOLDER_VARIABLES) else found


def role(name: str, value: str) -> str:
    """What a program does with the value of option `name` (empty for an operand): writes, keeps, reads, sets or
    unknown.

    "sets" means that the value is not a file.
    """
    words = name_words(name) if name else []
    word_set, path = {*words}, is_path(value)
    if (
        value in WORDS_OF_FORMATS
        or NUMBER.fullmatch(value)
        or value.startswith("/dev/")
        or (word_set & SETTINGS and not path)
    ):
        return "sets"
    if "name" in word_set and word_set <= {"name", "run", "exp", "experiment", "job", "study"}:
        return "keeps"  # the run writes under its name
    somewhere = path or "$" in value or (FILE_WORDS.search(name.lower()) is not None and not ADDRESS.match(value))
    if word_set & WRITES and not (
        word_set & {"config", "conf", "cfg", "settings"} and not word_set & {"save", "write", "out", "output"}
    ):
        return "writes" if somewhere or ADDRESS.match(value) or word_set <= PLAIN_FILES else "sets"
    if word_set & KEEPS and not word_set & {"config", "conf", "cfg", "settings"}:
        return "keeps" if somewhere or (word_set <= PLAIN_FILES and not ADDRESS.match(value)) else "sets"
    if word_set & READS or value.endswith(READ_FORMS) or (word_set & MODELS and not value.endswith(WEIGHTS)):
        return "reads"
    return "unknown" if path or FILE_WORDS.search(name.lower()) else "sets"
