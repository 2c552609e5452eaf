"""Words that indicate a long or a quick run, read by cost.py, scripts.py, options.py and transfers.py.

A name is read as words. STRONG words show long work by themselves, SIGNS make it likely, VERBS only together with a hint:
a model, a dataset, a GPU.
"""


# fmt: off
def by_word(rows: dict[str, str]) -> dict[str, str]:
    """What a run does, by each word of `rows`."""
    return {word: why for why, words in rows.items() for word in words.split()}


STRONG = by_word({
    "training": "train training trainer pretrain pretraining finetune finetuning retrain distill sft rlhf dpo grpo dreambooth crossval speedrun",
    "populating a cache or a table": "populate repopulate prefill precompute prewarm materialize",
    "a backfill": "backfill backfiller reprocess reingest recompute rehydrate",
    "an ingest": "ingest ingestion etl elt resync",
    "a sweep": "sweep gridsearch hpo hyperopt hyperparam ablation ablations gridrun",
    "a simulation": "simulate simulation simulations montecarlo backtest backtests backtesting walkforward rollouts selfplay nbody",
    "a benchmark": "benchmark benchmarks soak loadtest fuzzing perft",
    "a crawl": "crawl crawler",
    "building features or an index": "featurize vectorize faiss transcribe transcode gptq",
    "a rebuild": "overnight nightly",
})
SIGNS = by_word({
    "training": "lora ppo sac fit tune tuning mujoco atari instruct",
    "a backfill": "refill catchup replay",
    "an ingest": "bulk etls loader importer repartition dedupe dedup rollup enrich",
    "a sweep": "optimize optimise optuna trials hpsearch",
    "a simulation": "simulator carlo rollout ising",
    "a benchmark": "bench stress fuzz speed throughput leaderboard harness",
    "a crawl": "scrape scraper spider harvest mirror",
    "building features or an index": "preprocess preprocessing features embed embeddings embedding tokenize tokenization reindex upscale quantize quantization calibrate",
    "a run of a model": "inference infer generative",
    "a rebuild": "rebuild regenerate repro reproduce",
    "a transfer": "download downloader downloads archive backup restore",
    "a run over sequences": "rnaseq chipseq scrnaseq atacseq gwas alignments msa hhblits colabfold openfold alphafold",
    "one phase of a batch": "phase1 phase2 phase3 phase4 phase5",
    "populating a cache or a table": "warmup",
    "a pipeline run": "pipeline pipelines",
    "a synthesis": "synthesize synthetic",
    "docking": "dock",
    "stitching": "stitch",
})
VERBS = by_word({
    "a data preparation": "prepare prep process processing partition partitioning resample merge aggregate",
    "an extraction": "extract extraction extractor",
    "a conversion": "convert converter reshard",
    "a generation": "generate generation generator sample sampling sampler",
    "an evaluation": "eval evaluate evaluator evaluation evals val score scoring ablate knn",
    "a render": "render",
    "a search": "solve solver",
    "an analysis": "analysis analyze analyse compute calculate calc",
    "a run of a model": "decode decoding translate predict prediction classify segment detect",
    "a load": "load migrate migration compact",
    "a download": "get fetch collect",
    "an index build": "index retrieval retrieve cluster clustering",
})
# What an extraction or a generation by a model is about: with a verb it is long work.
MODEL_WORK = set("feature features entities entity relations triples captions transcripts embeddings summaries questions answers alignments".split())
# Names of collections of data: work on one of them is work on gigabytes.
DATASETS = set("""
    imagenet imagenet1k imagenet21k imagenet22k coco coco128 coco2014 coco2017 librispeech openwebtext owt wikitext wikipedia wikidata criteo ogb ogbn ogbl ogbg squad mmlu hellaswag gsm8k humaneval ljspeech libritts vctk commonvoice voxceleb aishell gigaspeech
    pascalvoc voc2007 voc2012 cityscapes ade20k kinetics ucf101 laion cc3m cc12m celeba celebahq lsun ffhq wmt14 wmt16 wmt17 wmt18 wmt19 wmt20 iwslt14 nuscenes kitti waymo scannet shapenet uniref30 uniref50 uniref90 uniprot mgnify bfd fineweb redpajama slimpajama sharegpt
    cifar10 cifar100 tpch tpcds gnomad hg38 grch38 swebench c4 pile pajama dclm starcoder imdb cnndm xsum multi30k objaverse openimages lvis
""".split())
# Folders whose scripts are meant to run for long, and the names of models.
HINT_WORDS = set("""
    experiments experiment run runs launch launcher baselines pretrain training train finetune finetuning recipes benchmarks benchmark speech diffusion rl
    gpt gpt2 llama llama2 llama3 bert roberta resnet resnet50 yolo yolov5 yolov8 whisper mistral qwen unet gan vae vit clip t5 transformer zipformer conformer llm model models checkpoint checkpoints ckpt weights corpus dataset datasets dbs
""".split())
# With one of these in a name the run is a short one of its kind.
SMALL_WORDS = set("quick simple toy sanity debug dummy small minimal micro nano".split())
# Nouns among CALM_WORDS: after a verb they are what it works on, as in ingest_logs.
CALM_NOUNS = set("params metrics metric shapes tags logs fixtures stats".split())
# Words of CALM_WORDS that count only at the beginning or the end of a name.
CALM_ENDS = set("init setup new add env top head eta hello version".split())
GENERIC_NAMES = set("run runs main cli launch launcher start script scripts job jobs batch all app entry entrypoint exp local single multi gpu gpus node".split())
# One of these in a name or as a first argument makes the whole a look, a check or a small thing.
CALM_WORDS = set("""
    status summary summarize report lint check checks validate verify show list ls plot print estimate view inspect info help configs stats stat dry
    smoke format fmt schema setup init version versions plan diff count peek describe doctor ping health healthcheck preview clean cleanup head log lookup parser utils util eta
    monitor watch progress tags top env freeze fixture fixtures metrics metric flops params shapes mock pueue toc hello new typecheck export visualize viz demo play player interactive venv config
    test tests mini tiny compile tail logs query args compare tag example add
""".split())
# These are quick unless the options show otherwise: test.py also evaluates a model on a test set.
SOFT_CALM_WORDS = set("test tests compare query example config args export demo".split())

# Options. A name is split into words: --num-train-epochs, trainer.max_epochs=3 and -nepochs are all epochs with qualifiers.
QUALIFIERS = set("n num number nb no of max total train training trainer pretrain finetune rl model cfg config opt args hparams run runs data loader dataloader preprocess preprocessing per node local process use with do the all the process test eval my global".split())
COUNTS = by_word({  # many of these are a long run
    "training": "epochs epoch",
    "an optimization": "steps step iters iter iterations iteration timesteps updates niter niters",
    "a search": "trials trial folds episodes generations restarts sweeps permutations chains bootstraps replicates simulations exhaustiveness",
    "sampling": "samples",
})
SPREAD = set("workers worker jobs processes procs nproc concurrency parallel parallelism shards shard parts partitions batches phase phases fold instances".split())
DEVICES = set("gpu gpus ngpu devices device cuda tpu tpus trainers ranks nodes world".split())
HYPERPARAMETERS = set("""
    lr learningrate batchsize dropout momentum optimizer nhid nhead emsize embd layers fp16 bf16 amp warmup peft lora gamma bptt microbatch quantization accumulation
""".split())
WHOLE = by_word({
    "a run over everything": "all full fullrefresh universe symbols thresholds years lookback",
    "a run that recomputes": "recompute reprocess rebuild backfill",
    "training": "train finetune pretrain lora peft distill",
    "a run with checkpoints": "checkpointing checkpoint-every save-every save-interval checkpoint-interval max-total-time max_total_time time-limit walk-forward",
    "a run over sequences": "fasta fastq bam vcf msa reads",
    "work on a dataset": "calib",
})
LIMITS = set("limit head sample last subset first take files items rows records docs documents examples samples pages images entries instances steps step iters iter iterations batches sim sims simulations".split())
# Of these a few are many.
SLOW_LIMITS = set("docs documents pages images instances steps step iters iter iterations batches sim sims simulations".split())
GPU_VARIABLES = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "NGPU", "NUM_GPUS", "N_GPUS", "NGPUS", "GPUS", "WORLD_SIZE", "MASTER_ADDR", "NPROC_PER_NODE"}
HINT_VARIABLES = {"NUM_WORKERS", "OMP_NUM_THREADS", "NPROC", "WORKERS", "JOBS", "NUM_THREADS", "DATA_DIR", "TF_FORCE_GPU_ALLOW_GROWTH", "PYTORCH_CUDA_ALLOC_CONF"}

# Options that make any command quick, by their words.
HELP_OPTIONS = set("""
    help version dry-run dryrun dry no-run noop syntax-check just-print whatif what-if explain help-all
""".split())
# Options that make a script or task quick; programs that the tables know say themselves which options do.
QUICK_OPTIONS = HELP_OPTIONS | set("""
    plan status list list-phases list-rules check-only print-config show-config validate-config check-config print show validate-only test-run fast-dev-run smoke smoke-test sanity sanity-check sanity-test
    collect-only count-only describe check simulate estimate preview print-plan list-only plot-only report-only export-only
""".split())
# Words of servers; those of the second set are also what other scripts work on, and count only with a port, or where nothing else is known.
SERVER_WORDS = set("serve server runserver devserver webserver".split())
LISTENER_WORDS = set("api daemon proxy gateway dashboard tunnel listener webapp".split())
# Words that say also of an installed program what it does: ns-train, fairseq-preprocess.
TOLD_BY_PROGRAMS = set("train pretrain finetune preprocess tokenize download backfill populate quantize".split())
# `--list-models`, `--stats`: an option without a value whose words are these is a query.
QUERY_OPTIONS = set("list show print".split())
QUERIES = set("stats stat info summary count status eta".split())
QUERY_WORDS = set("stats stat info summary count models tasks phases rules config plan datasets names ids only targets steps stages metrics".split())
SMALL_OPTIONS = {"limit", "head", "sample", "last", "max-files", "max-items", "samples"}
# A text with a script that is long contains one of these as a word or as a part of a name.
# Verbs are common words; they count only with one of these texts, which the gate asks for too.
VERB_CONTEXTS = (".py", ".sh", ".R", ".jl", ".rb", ".js", ".ts", "-m", "make", "run")
FUSED = {prefix + word: word for prefix in ("n", "num", "max") for word in ("epochs", "iter", "iters", "steps", "trials", "workers", "jobs", "gpus", "sims", "sim")}
SCRIPT_ANCHORS = {
    *STRONG, *SIGNS, *DATASETS, *[f"{verb} {text}" for verb in VERBS for text in VERB_CONTEXTS], *COUNTS, *SPREAD, *DEVICES, *HYPERPARAMETERS, *WHOLE, "symbol", "start", "from", "since",
    *FUSED, "stage --stage", "soak", "stress", "batch", "learning", "startdate",
}
BIG_DOWNLOADS = (
    ".bz2", ".pbf", ".parquet", ".iso", ".img", ".gguf", ".safetensors", ".zst", ".mkv", ".h5", ".bam", ".fastq.gz", ".json.gz", ".jsonl.gz", ".csv.gz", ".sql.gz", ".qcow2", ".tar",
)
BIG_FILES = (
    ".tar", ".tgz", ".gz", ".zst", ".xz", ".bz2", ".zip", ".7z", ".dump", ".parquet", ".bin", ".img", ".iso", ".safetensors", ".gguf", ".pt", ".ckpt", ".h5", ".hdf5", ".qcow2", ".vmdk",
    ".mkv", ".mp4", ".bam", ".fastq", ".dbn", ".pbf", ".raw", ".arrow", ".feather", ".npz", ".duckdb", ".wav", ".pcap",
)
# fmt: on
