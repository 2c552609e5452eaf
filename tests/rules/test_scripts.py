"""The judgement of scripts, modules, tasks and code by names, paths and options: text in, the Weight of its last command out."""

from __future__ import annotations

import pytest

from pueue_skill.plan.analysis import analyse
from pueue_skill.rules.cost import weigh
from pueue_skill.rules.model import NO_PREFERENCES, Preferences, Program, Weight
from pueue_skill.rules.names import split_name
from pueue_skill.rules.options import limit_of, settings
from pueue_skill.rules.registry import findings
from pueue_skill.rules.scripts import script_of
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Command
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script


def last(text: str) -> Command:
    script = parse(text)
    assert isinstance(script, Script), script
    return commands(script)[-1]


def weight(text: str) -> Weight:
    return weigh(last(text))


HIGH = [
    "python shop/train.py",
    "python -m shop.backfill",
    "make backfill",
    "npm run ingest",
    "bin/rails orders:backfill",
    "python manage.py backfill_orders",
    "./populate.sh --fast",
    "python backfill_tags.py",
    "python run.py --nepochs 20",
    "python run.py --num-train-epochs=3",
    "python run.py --n_epoch 40",
    "python run.py epochs=300",
    "python run.py +trainer.max_epochs=100",
    "python run.py model=small trainer.devices=8",
    "python run.py --mode=train_eval",
    "python run.py --do_train=true",
    "python main.py --lr 0.1 --batch_size 32",
    "python main.py --num_timesteps 2e6",
    "bash recipes/finetune/run.sh",
    "bash training_scripts/small/run_350m.sh",
    "bun run crawl",
    "python train1.py",
    "python shop/train2.py --dry-run=false",
    "python train.py eval_steps=10",
    "python train.py --max_steps=50000 --eval-steps 10",
    "python train.py VERSION=1",
    "python train.py --eta 0.1",
]


@pytest.mark.parametrize("text", HIGH)
def test_one_strong_sign_gives_high_confidence(text: str) -> None:
    assert (weight(text).size, weight(text).confidence) == ("long", "high")


MEDIUM = [
    "CUDA_VISIBLE_DEVICES=1 python main.py",
    "NGPU=4 ./go.sh",
    "python shop/prepare.py --dataset imagenet",
    "python data/librispeech/prepare.py",
    "python split_graph.py --num_parts 4",
    "python model.py --fasta_paths a.fasta",
    "python eval.py --checkpoint runs/a.pt",
    "python -m labs.agents.run_mujoco",
    "python -m roads partition land.pbf",
    "python collate.py --workers 8",
    "bash scripts/download_weights.sh",
    "bash data/get_coco.sh",
    "./collate --all",
    "python collate.py --rows 5_000_000",
    "python collate.py --start 2019-01-01 --end 2024-01-01",
    "python collate.py --symbol A --threshold 250",
    "java -Xmx32g -jar collate.jar",
    "python quick_train.py",
    "python test.py --weights a.pt --data ../imagenet --batch-size 64",
    "populate-cache --all-symbols",
    "bake-lake backfill --years 5",
    "lake-preprocess --source-lang en",
    "lake_load --file a --workers 4",
    "bash run.sh --stage 1",
    "bash scripts/download_model_params.sh",
    "python decode.py --epoch 25",
    "python make_table.py --no_workers 16",
    "python face_feature_extractor.py",
    "bash process_dataset.sh",
    "./launcher_eval.sh A",
]


@pytest.mark.parametrize("text", MEDIUM)
def test_weak_signs_add_up_to_medium_confidence(text: str) -> None:
    assert (weight(text).size, weight(text).confidence) == ("long", "medium")


NOT_LONG = [
    "nginx -s reload",
    "readelf --symbols a.out",
    "lsd --all",
    "quilt pop",
    "~/go/bin/make_queries --scale=4000",
    "/opt/tool/bin/bulk_check --all",
    "hq alloc add slurm --time-limit 1h",
    "dotenvx get --all",
    "bash deploy.sh --stage prod",
    "./client_main --port 8000",
    "make release",
    "npm dedupe",
    "rails generate model Post",
    "python generate_docs.py",
    "python convert.py a.csv b.json",
    "python scripts/process_invoices.py --month 3",
    "python scripts/get_token.py",
    "python manage.py migrate",
    "python main.py --epochs 1",
    "python plot_training.py --epochs 30",
    "python shop/train.py --list-models",
    "python shop/ingest.py --stats",
    "python test.py --port 4",
    "python -m pytest tests/test_train.py",
    "python -m json.tool a.json",
    "python main.py --use_cuda false",
    "python main.py --start-epoch 3",
    "python app.py --port 8000 --workers 4",
    "python manage.py runserver",
    "./print_all.sh",
    "python sample.py --out_dir=out",
    "python collate.py --name synthetic",
    "python init_store.py --all",
    "python $COCO_DIR/collate.py",
    "python collate.py --date 20240131",
    "python collate.py --job-id 4711000",
    "python md5.py",
    "python train.py --smoke_test",
    "python train.py --sanity-check",
    "python train.py --validate-config c.yaml",
    "python train.py --export-only",
    "python train.py --trainer.fast_dev_run true",
    "python train.py trainer.fast_dev_run=True",
    "python train.py --dry_run=true",
    "make backfill DRY_RUN=1",
    "make train STEPS=5",
    "python train.py --eta",
    "./simulate -help",
]


@pytest.mark.parametrize("text", NOT_LONG)
def test_programs_queries_and_servers_are_not_long(text: str) -> None:
    assert weight(text).size != "long"


@pytest.mark.parametrize("text", ["python app.py --port 8000", "python -m shop.server", "npm run serve"])
def test_a_script_that_listens_is_a_server(text: str) -> None:
    assert weight(text).size == "server"


LIMITED = [
    ("python shop/train.py --max-steps 5", "quick", "limited to 5 by --max-steps"),
    ("python shop/ingest.py --limit 100", "quick", "limited to 100 by --limit"),
    ("python shop/ingest.py --max-files=20", "quick", "limited to 20 by --max-files"),
    ("python extract_entities.py --file a.epub --sample 30", "long", "an extraction, limited to 30 by --sample"),
    ("python shop/ingest.py --limit 50000", "long", "an ingest"),
    ("python train.py trainer.max_steps=5", "quick", "limited to 5 by trainer.max_steps"),
    ("python train.py +trainer.max_steps=3", "quick", "limited to 3 by +trainer.max_steps"),
    ("python train.py max_steps=5", "quick", "limited to 5 by max_steps"),
    ("python train.py --max-train-samples 16 --max-steps 2", "quick", "limited to 2 by --max-steps"),
    ("python train.py --epochs 0", "quick", "limited to 0 by --epochs"),
    ("python train.py --max_epochs 0", "quick", "limited to 0 by --max_epochs"),
    ("python shop/backfill.py --max-rows 100", "quick", "limited to 100 by --max-rows"),
    ("python shop/backfill.py --n 10", "quick", "limited to 10 by --n"),
    ("python simulate.py --nsim 5", "quick", "limited to 5 by --nsim"),
    ("./fuzz_target -runs=1 crash-123", "quick", "limited to 1 by -runs"),
    ("./fuzz_target -max_total_time=5", "quick", "limited to 5 by -max_total_time"),
]


@pytest.mark.parametrize(("text", "size", "why"), LIMITED)
def test_a_limit_makes_a_run_shorter(text: str, size: str, why: str) -> None:
    assert (weight(text).size, weight(text).why) == (size, why)


@pytest.mark.parametrize("option", ["--help", "--dry-run", "--version"])
def test_help_and_dry_run_win_over_configured_programs(option: str) -> None:
    mine = Preferences(programs=(Program("sync-lake", (), "long", "a sync of the lake"),))
    assert weigh(last("sync-lake --now"), mine).size == "long"
    assert weigh(last(f"sync-lake --now {option}"), mine).size == "quick"


def found_on_host(program: str, preferences: Preferences = NO_PREFERENCES) -> bool:
    """Whether a command on another host has a finding."""
    return bool(analyse(f"ssh box {program}", {}, preferences=preferences).findings)


@pytest.mark.parametrize("program", ["./stuff.py", "./stuff.R", "./stuff.tsx", "./stuff.ipynb", "./run_all", "/opt/jobs/run_all", "/opt/jobs/backfill_all", "/srv/env_run"])  # fmt: skip
def test_a_path_of_a_script_is_work(program: str) -> None:
    assert found_on_host(program)


@pytest.mark.parametrize("program", [
    "/usr/bin/run_all", "/usr/lib/jobs/run_all", "/sbin/run_all", "/opt/jobs/bin/run_all", "/snap/jobs/run_all", "'~/.local/bin/run_all'", "~/bin/run_all", "$HOME/bin/run_all", ".venv/bin/run_all", "jobs/venv/lib/run_all",
    "node_modules/.bin/run_all",
])  # fmt: skip
def test_a_path_of_an_installed_program_is_no_work(program: str) -> None:
    assert not found_on_host(program)


@pytest.mark.parametrize("program", ["./run_server", "./run_webserver", "./run_api", "./run_all --listen :80", "./run_all --http-port=80"])  # fmt: skip
def test_a_server_is_no_work_that_ends(program: str) -> None:
    assert not found_on_host(program)


@pytest.mark.parametrize("name", ["python", "python3", "python3.12"])
def test_a_configured_python_is_each_python(name: str) -> None:
    mine = Preferences(programs=(Program("python", ("stuff.py",), "quick", "prints a line"),))
    assert found_on_host(f"{name} stuff.py")
    assert not found_on_host(f"{name} stuff.py", mine)
    assert found_on_host(f"{name} other_stuff.py", mine)


CODE = [
    ("from shop import train\ntrain()", "long", "high"),
    ("from shop import run_backtest\nrun_backtest(2024)", "long", "medium"),
    ("for x in data:\n    loss(x).backward()", "long", "medium"),
    ("from sklearn.model_selection import GridSearchCV\nGridSearchCV(m, p).fit(x, y)", "long", "medium"),
    ("import time\ntime.sleep(90)", "wait", "high"),
    ("import pandas as pd\nprint(pd.read_csv('a.csv').head())", "quick", "high"),
    ("from scipy.optimize import curve_fit\nprint(curve_fit(f, x, y))", "quick", "high"),
    ("def train_model(x):\n    return x", "quick", "high"),
    ("model.fit(x, y)", "quick", "high"),
]


@pytest.mark.parametrize(("code", "size", "confidence"), CODE)
def test_python_code_is_judged_by_its_calls(code: str, size: str, confidence: str) -> None:
    for text in (f'python -c "{code}"', f"python - <<'E'\n{code}\nE\n"):
        assert (weight(text).size, weight(text).confidence) == (size, confidence)


def test_options_are_read_by_their_words() -> None:
    found = settings(("--num-train-epochs", "3", "trainer.maxSteps=5", "--all", "-nepochs", "4", "data.csv"))
    assert [(setting.words, setting.value) for setting in found] == [
        (("num", "train", "epochs"), "3"),
        (("trainer", "max", "steps"), "5"),
        (("all",), ""),
        (("epochs",), "4"),
    ]


def test_a_number_at_the_end_of_a_known_word_is_no_part_of_it() -> None:
    assert split_name("train2_v3.py") == ["train", "v3", "py"]
    assert (
        split_name("md5 sha256 mp4 s3 k8s utf8 phase1 gpt2 cifar10")
        == "md5 sha256 mp4 s3 k8 s utf8 phase1 gpt2 cifar10".split()
    )


def test_limits() -> None:
    assert limit_of(("--limit", "3")) == (3, "--limit")
    assert limit_of(("--max_items=30",)) == (30, "--max_items")
    assert limit_of(("--limit", "5000")) is None
    assert limit_of(("--rate-limit", "3")) is None


SCRIPTS = [
    ("python -u -m shop.jobs.run --x", "shop.jobs.run"),
    ("python3.12 a/b.py", "a/b.py"),
    ("uv run python b.py", "b.py"),
    ("yarn workspace", "workspace"),
    ("pnpm --filter web build", "build"),
    ("bun run build", "build"),
    ("./run.sh", "./run.sh"),
    ("deploy.sh", "deploy.sh"),
    ("bin/import", "bin/import"),
    ("~/go/bin/gopls", None),
    ("/usr/bin/less-known x", None),
    ("node_modules/.bin/vite build", None),
    ("quilt pop", None),
    ("make", "make"),
    ("make -j4 CC=clang", "make"),
    ("julia +1.10 a.jl", "a.jl"),
    ("../$(pick a)fit.sh", "../$(pick a)fit.sh"),
    ("npm dedupe", None),
    ("bash -n a.sh", None),
    ("uv run train", "train"),
    ("hatch run cuda:train", "cuda:train"),
    ("pixi run -e cuda train", "train"),
    ("uv run -m pkg.train", "pkg.train"),
    ("uv run ruff check", None),
    ("npm -w pkg run backfill", "backfill"),
    ("yarn workspace jobs backfill", "backfill"),
    ("nx run jobs:backfill", "jobs:backfill"),
    ("cargo xtask train", "train"),
    ("mix run priv/repo/backfill.exs", "priv/repo/backfill.exs"),
    ("mix run -e 'Shop.run()'", None),
    ("mix test", None),
    ("zig run simulate.zig", "simulate.zig"),
    ("nim r -d:release simulate.nim", "simulate.nim"),
    ("crystal run simulate.cr", "simulate.cr"),
    ("stack exec -- simulate", "simulate"),
    ("cabal run simulate", "simulate"),
    ("cabal run", None),
    ("npx ts-node -P tsconfig.json scripts/backfill.ts", "scripts/backfill.ts"),
    ("deno run -A scripts/ingest.ts", "scripts/ingest.ts"),
    ("julia -p 8 --project simulate.jl", "simulate.jl"),
    ("julia -e 'println(1)'", None),
    ("sbt 'jobs/runMain com.x.Backfill --all'", "Backfill"),
    ("sbt compile", None),
    ("octave --no-gui simulate.m", "simulate.m"),
    ("lua -v", None),
]


@pytest.mark.parametrize(("text", "script"), SCRIPTS)
def test_scripts_are_told_from_installed_programs(text: str, script: str | None) -> None:
    assert script_of(last(text))[0] == script


def test_a_message_names_the_kind_of_work() -> None:
    script = parse("./collate --all")
    assert isinstance(script, Script)
    message = findings(commands(script))[0].message
    assert message.startswith("a run over everything (--all) in the foreground may take long")
