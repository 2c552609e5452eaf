"""Which prompts are about long work: the rules, as data. The launcher's gate for prompts, hooks/prompts.sh, is made of their words.

prompts.py parts a prompt into sentences and parts of sentences, and applies the rules to each part.
"""

from __future__ import annotations

from pueue_skill.startup.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["request", "statement", "question", "edit"]

SAID: tuple[Kind, ...] = ("request", "statement")
NO_EDIT: tuple[Kind, ...] = ("request", "statement", "question")
ANY: tuple[Kind, ...] = ("request", "statement", "question", "edit")


class Rule(NamedTuple):
    """A kind of prompt about long work.

    With `verbs`, one of them begins the part, and `pattern` matches what follows it; without, `pattern` is found anywhere in the part. `words`
    has lists of words: a prompt of this kind contains a word of each list. `kinds` are the kinds of parts in which the rule counts.
    """

    pattern: str
    verbs: str = ""
    words: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ("request",)

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists of words of which a prompt of this kind contains one each."""
        return (self.verbs, *self.words) if self.verbs else self.words


def one_of(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


LAUNCH = (
    "run rerun start restart launch relaunch execute resume continue repeat begin perform do try schedule submit resubmit queue enqueue requeue "
    "kick fire trigger get use finish"
)
PROCESS = (
    "process reprocess preprocess download crunch crawl scrape transcode transcribe embed tokenize backfill ingest reindex recompute featurize "
    "resample populate repopulate simulate backtest solve"
)
CONVERT = (
    "import load convert generate compute calculate create rebuild regenerate fetch copy sync render index encode compress migrate upload extract "
    "evaluate score classify refresh aggregate translate"
)
PUT = "put add throw stick get send move submit"
VARY = "try repeat run rerun compare test evaluate do start launch average"
TUNE = "tune optimize optimise"
MAKE = "compute generate create calculate build recompute regenerate make need"
USE_MACHINE = "run rerun train retrain start launch execute do process evaluate resume move"
COMPILE = "build compile rebuild recompile"

LONG_NAMES = "train training retrain pretrain finetune finetuning backfill populate ingest sweep simulate simulation backtest ablation gridsearch"
"""Words in the name of a script or function that runs long."""

DATA = (
    "symbol symbols ticker tickers pairs shard shards partition partitions video videos recording recordings dataset "
    "datasets corpus dump archive genome genomes trades ticks candles quotes bars fold folds checkpoint checkpoints epochs trials jobs "
    "experiments simulations frames scans"
)
YEARS = "year years month months"
FILES = (
    "files pages images documents rows records listings photos articles papers books transcripts samples chunks instances pdfs examples sequences products urls posts comments tweets emails messages tracks molecules "
    "proteins structures patients reviews sentences"
)
CACHED = (
    "cache caches table tables symbol symbols ticker tickers pairs year years month months week weeks data database dataset datasets warehouse history "
    "bars ticks trades candles quotes features partition partitions shard shards files documents records"
)
SAMPLES = "samples examples sequences images documents records rows"
VARIED = (
    "seed seeds config configs configurations parameter parameters params hyperparameter hyperparameters learning lr rates sizes threshold thresholds "
    "settings combinations values widths depths depth architectures folds"
)
VARIANTS = "seeds folds configs configurations parameters hyperparameters rates combinations settings thresholds"
LONG_NOUNS = (
    "training trainings retraining pretraining finetune finetuning tuning tune backfill backfills sweep sweeps ablation ablations simulation "
    "simulations backtest backtests experiment experiments ingestion benchmark benchmarks crawler scraper etl fuzzer jobs epochs iterations episodes"
)
SUBMITTED = "job jobs runs experiment experiments array arrays sweep sweeps batch batches training trainings evals"
MACHINES = "gpu gpus workstation cluster server box machine node hpc"

AMOUNT = (
    r"(?:all|every|each|whole|entire|full|complete|remaining|missing|rest\s+of|(?:hundred|thousand|million|dozen)s\s+of"
    r"|\d[\d,_.]+\s*[km]?|\d+\s*[km]|\d+\s+(?:hundred|thousand|million|billion))"
)
LARGE_AMOUNT = (
    r"(?:whole|entire|full|complete|remaining|(?:hundred|thousand|million)s\s+of|\d[\d,_.]*\s*[km]|\d[\d,_.]{2,}"
    r"|\d+\s+(?:hundred|thousand|million|billion))"
)
THOUSANDS = r"(?:\d[\d,_.]*\s*[km]\b|\d{4,}|\d{1,3}(?:,\d{3})+|\d+\s+(?:thousand|million|billion))"
NUMBER = r"(?:\d[\d,_.]*[km]?|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|several|many|multiple|different|various)"
LONG_TIME = r"(?:(?:all|remaining|missing|\d+|two|three|four|five|ten|last\s+\w+)\s+(?:\w+\s+)?(?:years|months)|(?:each|every)\s+(?:year|month)\s+(?:from|since|between|in\s+\d|of\s+\d))\b"
NEAR = r".{0,60}?\b"
LITTLE_FURTHER = r".{0,80}?\b"
NOT_CODE = (
    r"(?!-|\s+(?:tests?|specs?|unit|class|module|page|component|parser|code|docs|data|set|loop|flag|button|form|board|box|bar|dialog|view|tab"
    r"|refactor\w*|implementation|features?|function\w*|endpoint|API|support|logic|bug|issue|ticket|PR|branch|plan|guide|tutorial|section|chapter|curves?|plots?|results?|logs?)\b)"
)
LONG_WORK = (
    r"(?:(?:pre-?|re-?)?trainings?|fine[\s-]?tun(?:e|ing)|backfills?|(?<!code\s)sweeps?(?!\s+(?:of|through|over|for)\s+(?:the\s+)?(?:code|repo|docs|dead|unused|todo))"
    r"|ablations?|simulations?|backtests?|experiments?|ingestion|crawler|scraper|ETL|fuzzer"
    rf"|(?:full|whole|entire|complete|all)\s+(?:the\s+)?(?:\w+\s+)?benchmarks?|{NUMBER}\s+(?:\w+\s+)?(?:jobs|epochs|iterations|episodes)){NOT_CODE}"
)
PARTS = (
    r"(?:runs?|jobs?|commands?|experiments?|trainings?|evals?|evaluations?|sweeps?|scripts?|simulations?|backtests?|benchmarks?|everything|all|rest"
    r"|remaining|ones?|configs?|folds?|seeds?)"
)
THIS = r"(?:it|this|that|these|those|them)"
WITHOUT_NOUN = (
    r"(?:\s*(?:$|[,.;:()])|\s+(?:up|for|on|with|in|after|behind|and|now|too|again|please|at|to|as|instead|once|when|if|before|next|first|last"
    r"|overnight|tonight)\b)"
)
RUNS = (
    r"\b(?:re-?)?(?:runs?|running|start|launch|execute|leave|let|keep|process|train|fill|populate|backfill|download|build|compute|evaluate|do|go"
    r"|finish|render|simulate|import|convert|index|crawl|scrape)\b"
)
NIGHT = r"\b(?:over\s?night|all\s+night|(?:over|for|during)\s+the\s+weekend|during\s+the\s+night|tonight)\b"
MODELS = (
    r"(?:models?|classifiers?|networks?|polic(?:y|ies)|agents?|llama|bert|xgboost|lightgbm|catboost|unet|yolo|lora|ppo|dqn|whisper|mistral|qwen|gemma"
    r"|transformers?)"
)

LONG_PROGRAMS = (
    "nextflow snakemake bwa bowtie minimap gatk deepvariant blastn blastp diamond alphafold colabfold gromacs namd lammps openfoam ansys vasp "
    "gdalwarp gdaldem rclone hashcat ffmpeg whisper"
)
SIMULATIONS = "dynamics cfd carlo fem dft"
READS = "fastq fastqs reads samples genomes sequences proteins ligands scans"
MANY = r"(?:\d[\d,.]*\s*(?:million|billion)|\d[\d.]*[mb]|\d{1,3}(?:,\d{3}){2,}|\d{7,}|(?:millions|billions)\s+of)"
STORES = "cluster warehouse database lake bucket region server storage bigquery snowflake redshift datacenter"

RULES: tuple[Rule, ...] = (
    # The skill's own phrases
    Rule(r"\brun(?:ning)?\b.{0,60}\bon\s+(?:the\s+)?(?:bigblack|littleblack)\b", words=("run running", "bigblack littleblack"), kinds=SAID),
    Rule(
        r"\bqueue\s+(?:(?:a|the|this|these|those|some|more|\d+)\s+)?jobs?\b(?!\s+(?:class|board|page|table|module)\b)",
        words=("queue", "job jobs"),
        kinds=SAID,
    ),
    Rule(r"\blong[\s-]running\s+tasks?\b", words=("long", "running", "task tasks"), kinds=ANY),
    Rule(r"\bcache\s+population\b", words=("cache", "population"), kinds=ANY),
    Rule(r"\bbatch[\s-]processing\b", words=("batch", "processing"), kinds=ANY),
    Rule(r"\bGPU\s+workstations?\b", words=("gpu", "workstation workstations"), kinds=ANY),
    # Queues
    Rule(r"\bpueue\b", words=("pueue",), kinds=ANY),
    Rule(r"\b(?:sbatch|squeue|slurm|srun)\b", words=("sbatch squeue slurm srun",), kinds=SAID),
    Rule(r"\bjob\s+arrays?\b", words=("job", "array arrays"), kinds=SAID),
    Rule(
        r"\b(?:in|to|into|on|onto|through|via|use|pause|resume|start|stop|clean|clear|check)\s+(?:the|a|our|my)\s+(?:\w+\s+)?job\s+queue\b",
        words=("job", "queue"),
        kinds=SAID,
    ),
    Rule(
        r"\b(?:my|our|the|any|all|are|is)\s+(?:\w+\s+)?queued\s+(?:jobs?|runs?|experiments?)\b"
        r"|\b(?:jobs?|runs?|experiments?)\b.{0,40}\b(?:(?:are|is|be|still|been|remain\w*)\s+queued|(?:in|on)\s+the\s+(?:job\s+)?queue)\b"
        r"|\b(?:waiting|running|pending|stuck|left|done|finished|ahead|in|show\s+me|list)\b.{0,30}\b(?:job|slurm)\s+queue\b",
        words=("job jobs run runs experiment experiments slurm", "queue queued"),
        kinds=NO_EDIT,
    ),
    Rule(
        rf"\s+(?:up\s+)?(?:{THIS}(?:\s+(?:\w+\s+)?{PARTS}\b|{WITHOUT_NOUN})|(?:\w+\s+){{0,4}}{PARTS}\b|(?:\w+\s+){{0,2}}{LONG_WORK})",
        verbs="queue enqueue requeue",
    ),
    Rule(
        rf"\s+(?:\w+\s+){{0,5}}?(?:{PARTS}|{LONG_WORK})\b.{{0,30}}\b(?:in|into|to|on|onto|through)\s+(?:the|a|our|my)\s+(?:\w+\s+)?queue\b",
        verbs=PUT,
        words=("queue",),
        kinds=("request", "edit"),
    ),
    Rule(rf"\s+(?:{THIS}|everything)\s.{{0,30}}\b(?:in|into|to|on|onto)\s+(?:the|our|my)\s+(?:\w+\s+)?queue\b", verbs="put throw stick get submit", words=("queue",)),
    Rule(
        r"\s+(?:\w+\s+){0,5}?(?:jobs?(?!\s+(?:applications?|posting|offer|ads?|form|listing|board|title|page|description)\b)|runs|experiments?|arrays?|sweeps?"
        r"|batch(?:es)?(?!\s+of\b)|evals|trainings?)\b",
        verbs="submit resubmit",
        words=(SUBMITTED,),
    ),
    Rule(
        r"\s+(?:(?:\w+\s+){0,4}?(?:runs|experiments?|sweeps?|trainings?|evals)|(?:these|those|all|the\s+(?:remaining|other|rest)\b.{0,20}|\d+)\s+jobs)\b",
        verbs="schedule",
        words=(SUBMITTED,),
    ),
    # Long work
    Rule(r"^(?:(?:re|pre)-?train|fine[\s-]?tune)\b(?!-)", words=("train retrain pretrain tune finetune",)),
    Rule(
        rf"(?!\s+(?:of|schedules?|stations?|tickets?|lines?|routes?|icons?)\b)\s*(?:$|[,.:]|\s(?:(?-i:[A-Z])|\w*\d|(?:[\w-]+\s+){{0,3}}?(?:an?|the|this|that|it|them|these|those|all|both|our|my|your|another|again|on|for|with|from|using"
        rf"|until|longer|more|now|everything|each|every|one|two|three|some|{MODELS})\b))",
        verbs="train",
    ),
    Rule(rf"(?!\s+(?:\w+\s+){{0,3}}?(?:tests?|specs?|linter|checks?)\s+(?:of|for|in|on)\b){NEAR}{LONG_WORK}", verbs=LAUNCH, words=(LONG_NOUNS,)),
    Rule(
        rf"{NEAR}(?:grid|hyper-?param\w*|random|optuna|architecture)[\s-]+(?:search(?:es)?|tuning|optimi[sz]ation)\b{NOT_CODE}",
        verbs=LAUNCH,
        words=(
            "grid hyperparameter hyperparameters hyperparam hyperparams hyper random optuna architecture",
            "search searches tuning optimization optimisation",
        ),
    ),
    Rule(r"\s+(?:off\s+)?(?:(?:the|this|that|it|uv|python3?|bash|sh|torchrun|script|function|again)\s+){0,4}pq0script\b", verbs=LAUNCH, words=(LONG_NAMES,)),
    Rule(
        rf"{NEAR}(?:on|over|for|across|through)\s+(?:the\s+)?(?:{AMOUNT}\s+(?:\S+\s+){{0,3}}?{one_of(DATA)}|{LARGE_AMOUNT}\s+(?:\S+\s+){{0,2}}?{one_of(SAMPLES)}|{LONG_TIME})\b",
        verbs="run rerun start launch apply execute do repeat",
        words=(f"{DATA} {SAMPLES} {YEARS}",),
    ),
    Rule(rf"{LITTLE_FURTHER}{one_of(CACHED)}\b(?!.{{0,40}}\btests?\b)", verbs="backfill ingest reingest", words=(CACHED,)),
    Rule(r".{0,80}?\b(?:(?:19|20)\d\d|[A-Z]{3,}USDT?)\b", verbs="backfill populate repopulate ingest reingest"),
    Rule(
        rf"{NEAR}(?:caches?|tables?|symbols?|years?|database|warehouse|index|feature\s+store)\b(?!.{{0,40}}\b(?:mock|dummy|fake|fixtures?|placeholders?|test)\b)",
        verbs="populate repopulate",
        words=("cache caches table tables symbol symbols year years database warehouse index store",),
    ),
    Rule(rf"{NEAR}caches?\b(?!\s+(?:headers?|keys?|control|lines?|folder|dir\w*)\b)(?!.{{0,40}}\b(?:mock|dummy|fake|fixtures?|placeholders?|test)\b)", verbs="fill refill warm prewarm", words=("cache caches",)),
    Rule(
        rf"{NEAR}(?:{AMOUNT}\s+(?:\S+\s+){{0,4}}?(?:{one_of(DATA)}|files|listings?)|(?:each|every)\s+\w+\s+file|{LARGE_AMOUNT}\s+(?:\S+\s+){{0,3}}?{one_of(FILES)}|{LONG_TIME})\b",
        verbs=PROCESS,
        words=(f"{DATA} {FILES} {YEARS} file listing",),
    ),
    Rule(
        rf"{NEAR}{AMOUNT}\s+(?:\w+\s+){{0,2}}?(?:features|indicators|embeddings|aggregates|statistics|metrics|scores|caches)\b",
        verbs="recompute rebuild regenerate refresh",
        words=("features indicators embeddings aggregates statistics metrics scores caches",),
    ),
    Rule(rf"{NEAR}{AMOUNT}\b", verbs="crawl scrape crunch transcribe transcode reindex preprocess reprocess featurize tokenize"),
    Rule(
        r"\s+(?:the\s+)?(?:full|whole|entire|complete)\s+(?-i:[A-Z][a-z])",
        verbs="download import load ingest process index fetch",
        words=("full whole entire complete",),
    ),
    Rule(
        rf"(?!.{{0,60}}\b(?:module|package|library|index\.\w+)\b){LITTLE_FURTHER}(?:{AMOUNT}\s+(?:of\s+(?:the|our)\s+)?(?:(?!of\b)\S+\s+){{0,3}}?{one_of(DATA)}|{NUMBER}\s+(?:years|months)\s+of)\b",
        verbs=CONVERT,
        words=(f"{DATA} years months",),
    ),
    Rule(rf"{NEAR}{THOUSANDS}\s+(?:\w+\s+){{0,3}}?{one_of(SAMPLES)}\b", verbs="generate create import load fetch", words=(SAMPLES,)),
    Rule(
        rf"\b{one_of(MAKE)}\b.{{0,40}}?\b(?:embeddings|features)\s+(?:for|of|from)\b.{{0,40}}?\b{AMOUNT}\b",
        words=(MAKE, "embeddings features"),
        kinds=SAID,
    ),
    Rule(rf"{NEAR}{one_of(VARIED)}\b", verbs="sweep", words=(VARIED,)),
    Rule(rf"\s+over\s+(?:\w+\s+){{0,4}}?{one_of(VARIED)}\b", verbs="search", words=(VARIED,)),
    Rule(rf"{NEAR}(?:hyper-?param\w*|param(?:eter)?s)\b", verbs="tune", words=("hyperparameter hyperparameters hyperparam hyperparams hyper parameters params",)),
    Rule(
        rf"{NEAR}(?:hyper-?param\w*|learning\s+rates?|lr|thresholds)\b",
        verbs=TUNE,
        words=("hyperparameter hyperparameters hyperparam hyperparams hyper learning lr thresholds",),
    ),
    Rule(r"^(?:grid|hyper-?param\w*|hparam)[\s-]+(?:search|sweep|tuning)\b", words=("grid hyperparameter hyperparam hyper hparam", "search sweep tuning"), kinds=SAID),
    Rule(
        rf"{NEAR}(?:{AMOUNT}|{NUMBER})\s+(?:\w+\s+){{0,2}}?{one_of(VARIANTS)}\b|{NEAR}(?:seeds|folds)\s+\d",
        verbs=VARY,
        words=(VARIANTS,),
    ),
    Rule(
        r".{0,60}?\b(?:models?|checkpoints?|llms|embeddings|classifiers)\b",
        verbs="benchmark",
        words=("model models checkpoint checkpoints llms embeddings classifiers",),
    ),
    Rule(
        rf"{NEAR}(?:{AMOUNT}|{NUMBER})\b.{{0,40}}?\b(?:models|checkpoints?|llms|classifiers|adapters|networks|policies|variants)\b",
        verbs="evaluate eval score rank",
        words=("models checkpoint checkpoints llms classifiers adapters networks policies variants",),
    ),
    Rule(
        rf"{NEAR}(?:full|whole|entire|complete)\s+(?:\w+\s+)?(?:test|validation|training|dev|eval\w*|held-?out)[\s-]*set\b",
        verbs="run rerun evaluate eval score test",
        words=("full whole entire complete", "set"),
    ),
    Rule(
        rf"{NEAR}(?:benchmarks?|evals?|evaluations?)\b.{{0,20}}\b(?:{AMOUNT}|{NUMBER})\s+(?:\w+\s+)?(?:models|checkpoints)\b",
        verbs=LAUNCH,
        words=("benchmark benchmarks eval evals evaluation evaluations", "models checkpoints"),
    ),
    Rule(r"\s+(?:all|every|each)\b.{0,30}?\bcheckpoints?\b", verbs="compare", words=("checkpoint checkpoints",)),
    Rule(r".{0,60}?(?:\d[\d,_.]{2,}|\d\s*[km]\b|\de\d|\b(?:thousand|million|billion|paths|years|episodes|scenarios|seeds)\b)", verbs="simulate"),
    Rule(r"(?!-)", verbs="backtest"),
    Rule(rf"{LITTLE_FURTHER}(?:from\s+source|chromium|llvm|aosp|webkit)\b", verbs=COMPILE, words=("source chromium llvm aosp webkit",)),
    Rule(rf"{NEAR}(?:animation|movie|film)\b", verbs="render", words=("animation movie film",)),
    # Long programs, simulations and amounts
    Rule(
        rf"\s+(?:(?:the|our|nf-core)\s+)?{one_of(LONG_PROGRAMS)}2?\b(?!\s+(?:tests?|lint)\b).{{0,40}}?\b(?:for|on|over|across|with)\s+(?:the\s+)?(?:{AMOUNT}|\d\d+)\s+(?:\w+\s+)?[a-z]",
        verbs="run rerun start launch execute",
        words=(LONG_PROGRAMS,),
    ),
    Rule(
        r"\s+(?:(?:the|a|an|our|another)\s+)?(?:\w+\s+)?(?:molecular\s+dynamics|CFD|monte[\s-]carlo|FEM|DFT)\b(?!\s+(?:tests?|code|module|class|parser)\b)"
        r".{0,40}?\b(?:for|on|with|over)\s+(?:the\s+)?(?:\d+\s*(?:ns|ps|us)\b|\d{2,}\s+(?:cores|nodes|ranks|cpus|gpus|processes)|\d[\d,.]*(?:e\d+|\d{3}|\s*[km]\b|\s+million))",
        verbs="run rerun start launch execute",
        words=(SIMULATIONS,),
    ),
    Rule(
        r"\s+(?:(?:a|an|the|another)\s+)\d+[\s-](?:epoch|hour|day|seed|fold|trial)\s+(?:\w+\s+)?(?:run|training|job|experiment|sweep|simulation)\b",
        verbs=LAUNCH,
        words=("epoch hour day seed fold trial", "run training job experiment sweep simulation"),
    ),
    Rule(rf"{NEAR}{AMOUNT}\s+(?:\w+\s+){{0,3}}?{one_of(READS)}\b(?!\s+(?:list|table|page|column)\b)", verbs="align assemble dock", words=(READS,)),
    Rule(
        rf"{NEAR}{MANY}(?!\s+param)\s+(?:\w+\s+){{0,2}}?(?!tokens|params|parameters|times|pixels|bytes)[a-z]+s\b(?!.{{0,30}}\btests?\b)",
        verbs="rebuild regenerate index reindex embed reembed encode classify score translate convert migrate process import",
    ),
    Rule(r"\s+(?:\w+\s+){0,4}?(?:hash(?:es)?|handshakes?)\b(?!\s+(?:function|map|table)s?\b)", verbs="crack bruteforce", words=("hash hashes handshake handshakes",)),
    Rule(rf"{NEAR}(?:for\s+(?:\w+\s+){{0,3}}?(?:hours?|days?)\b|overnight\b)", verbs="fuzz soak", words=("hour hours day days overnight",)),
    Rule(
        rf"\s+{AMOUNT}\s+(?:\w+\s+){{0,2}}?data\b(?!\s+(?:access|class\w*|models?|types?|layers?|code|files?\s+in)\b).{{0,30}}?\b(?:to|into)\s+(?:\w+\s+){{0,3}}?"
        rf"{one_of(STORES)}\b(?!\s+(?:module|package|folder|class|layer|config\w*|code|component)\b)",
        verbs="migrate move copy transfer",
        words=("data", STORES),
    ),
    Rule(
        rf"{NEAR}(?:(?:linux|android|mainline)\s+kernel\b(?!\s+(?:module|docs|headers)\b)|kernel\b.{{0,30}}\b(?:allmodconfig|allyesconfig|defconfig)\b)",
        verbs=COMPILE,
        words=("kernel",),
    ),
    # Time
    Rule(rf"^(?!.*\b(?:that|which)\s+(?:\w+\s+)?{RUNS}).*(?:{RUNS}.{{0,120}}?{NIGHT}|{NIGHT}.{{0,20}}?{RUNS})", words=("overnight night tonight weekend",), kinds=SAID),
    Rule(
        rf"{RUNS}.{{0,120}}?\bwhile\s+I(?:'m|\s+am)?\s+(?:\w+\s+)?(?:sleep|asleep|away|gone|offline)\b",
        words=("while", "sleep asleep away gone offline"),
        kinds=SAID,
    ),
    Rule(
        r"^(?!.*\b(?:builds?|CI|quer(?:y|ies)|page|tests?|suite|deploy\w*|requests?|endpoint|install\w*|workflow)\s+(?:\w+\s+)?(?:takes?|taking|needs?)\b).*"
        r"\b(?:takes?|taking|needs?|(?:runs?|running|going)\s+for)\s+(?:\w+\s+){0,4}?(?:\d\S*\s+)?(?:hours|days|(?:all|the\s+(?:whole|entire))\s+"
        r"(?:day|night|weekend)|forever)\b(?!\s+to\s+(?!(?:run|finish|complete|compute|process|train|download|build)\b))",
        words=("hours days day night weekend forever",),
        kinds=SAID,
    ),
    Rule(
        r"\blong[\s-]running\s+(?:jobs?|process(?:es)?|commands?|scripts?|work|computations?)\b",
        words=("long", "running", "job jobs process processes command commands script scripts work computation computations"),
        kinds=SAID,
    ),
    Rule(
        r"\bleave\s+(?:it|this|that|them)\s+running\b|\b(?:keeps?|stays?)\s+(?:(?:it|this|that|them)\s+)?running\s+(?:after|when|even|while|until|in\s+case|for\s+(?:hours|days))\b",
        words=("keep keeps leave stay stays", "running"),
        kinds=SAID,
    ),
    Rule(
        r"\b(?:survives?|outlives?)\b.{0,40}\b(?:disconnect|close|session|log\s?out|reboot|laptop|ssh|connection)",
        words=("survive survives outlive outlives",),
        kinds=SAID,
    ),
    # Machines without a configured name
    Rule(
        r".{0,80}?\b(?:on|to)\s+(?:(?:the|our|a|my|one\s+of\s+the)\s+(?:\w+\s+)?(?:(?:GPU|compute|training|HPC|remote)s?\s+(?:server|box|machine|node|cluster"
        r"|instance|host)s?|GPUs?\b(?!\s*[-/])|workstation|cluster)|GPUs?)\b(?!.{0,40}\b(?:helm|kubectl|k8s|kubernetes|pods?)\b)",
        verbs=USE_MACHINE,
        words=(MACHINES,),
    ),
)  # fmt: skip

HOST_RULES: tuple[Rule, ...] = (
    Rule(
        r"\b(?:(?:re-?|pre-?|post-?)?(?:run|start|train|launch|build|compute|process|generate|index|submit|schedule|fill|execute|deploy|populate|backfill|compile"
        r"|download|sync|upload|sweep|simulate|backtest|benchmark|evaluate|render|ingest|convert|transcode|queue|experiment|import|migrate|tune|resume)\w*"
        r"|do|use|try|move|put|continue|repeat|kick|spin|copy|jobs?|notebook|fine-?tun\w+|simulations?|evaluations?|conversion|computations?|rsync|resuming)\b",
        kinds=SAID,
    ),
    Rule(
        r"\b(?:GPUs?|VRAM|CPUs?|cores|RAM|memory|disk|busy|idle|free|load|running|jobs?|runs?|queued?|slots?|training\s+(?:done|finished|still))\b",
        kinds=NO_EDIT,
    ),
)  # fmt: skip
"""Rules for a sentence with the name of a configured host."""

EDITS = frozenset(
    (
        "write add implement fix refactor review rename update document remove delete change edit replace rewrite debug lint summarize summarise commit push "
        "merge revert rebase open close read parse port bump pin upgrade make split simplify improve clean wrap expose annotate format style design draft "
        "define handle ensure set show display list print mock extend support adapt adjust allow disable enable hide reduce increase find grep look inspect "
        "investigate address cherry squash bisect tag release publish mention shorten drop introduce avoid prevent don't never"
    ).split()
)
"""Verbs of requests about code, not about running it."""

VERBS = EDITS.union(
    *[rule.verbs.split() for rule in RULES],
    "retrain pretrain finetune grid hyperparameter leave let keep check spin log connect".split(),
)
"""Verbs that begin a new part of a sentence."""
