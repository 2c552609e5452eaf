"""Data about programs, read by cost.py.

LONG lists long-running programs by what they do. The first word of an entry is the program; a plain word after it must
be among the first operands, `-x` must be among the options, and `!-x` (or `!word`) must not. QUICK lists programs that
end soon with any arguments. SCRIPT_WORDS are words in the name of a script, a task or a subcommand.
"""

# fmt: off
LONG: dict[str, str] = {
    "training": """
        torchrun, deepspeed, horovodrun, colossalai, accelerate launch, composer, llamafactory-cli train, axolotl train, axolotl, litgpt pretrain, litgpt finetune,
        litgpt finetune_lora, nnUNetv2_train, nnUNetv2_plan_and_preprocess, ludwig train, fairseq-train, onmt_train, fasttext supervised, spm_train, ns-train,
        yolo train, tune run, lightning run, mlflow run, catboost fit, vw -d, rasa train, spacy train, autotrain, sockeye-train, marian, kohya_ss, oumi train, unsloth, mmf_run,
        vllm bench, lm_eval !list, lm-eval !list, evalplus.evaluate, trtexec !--loadEngine, whisper, whisperx, faster-whisper, insanely-fast-whisper, llama-perplexity,
        llama-quantize, colabfold_batch, alphafold, papermill, freqtrade hyperopt, freqtrade backtesting, freqtrade download-data, zipline run, zipline ingest, lean backtest
    """,
    "a sweep": "wandb agent, optuna optimize, ray job submit, nni create, guild run, polyaxon run, sigopt",
    "a workflow run": """
        dvc repro !--dry, dvc exp run, snakemake !-n !--summary !--dag !--rulegraph !--list !-l !--lint !--unlock !--report !--dryrun, nextflow run, cwltool !--print-deps,
        toil, luigi, airflow backfill, airflow dags backfill, dagster asset materialize, dagster job backfill, dagster job execute, prefect deployment run, kedro run, metaflow run, zenml pipeline run,
        dbt run, dbt build, dbt seed, dbt snapshot, meltano run, meltano elt, sqlmesh run, sqlmesh plan --auto-apply, luigid, argo submit --wait, gatk, cromwell, zipline, ansible-playbook !--list-tasks !--list-hosts !--syntax-check !--check !-C
    """,
    "a Spark or Hadoop job": "spark-submit, hadoop distcp, hadoop jar, flink run, sqoop import, sqoop export, presto --file, beeline -f, hive -f, trino --file",
    "a dump": """
        pg_dump !-s !--schema-only, pg_dumpall !-g, pg_basebackup, mysqldump !--no-data, mydumper, mongodump, clickhouse-backup create, xtrabackup, mariabackup, expdp, cockroach dump, influxd backup,
        influx backup, elasticdump, pg_bulkload, redis-cli --rdb, redis-cli --bigkeys, etcdctl snapshot save, gitlab-backup create, pgbackrest backup, barman backup, wal-g backup-push, neo4j-admin dump, bcp, unload
    """,
    "a restore or a bulk load": """
        pg_restore !-l !--list, myloader, mysqlimport, mongorestore, mongoimport, mongoexport, pgloader, impdp, sqlldr, clickhouse-backup restore, clickhouse-backup download,
        timescaledb-parallel-copy, elasticsearch_loader, osm2pgsql, ogr2ogr, neo4j-admin import, influx restore, influx write -f, raster2pgsql, imposm import, cqlsh -f, bq load, snowsql -f
    """,
    "database maintenance": """
        vacuumdb, reindexdb, pg_repack, pt-online-schema-change --execute, gh-ost --execute, nodetool repair, nodetool cleanup, nodetool compact, nodetool rebuild, mysqlcheck -o, myisamchk,
        pgbench !-h, sysbench run, clickhouse-benchmark, cassandra-stress, redis-benchmark, ycsb run, memtier_benchmark, pg_upgrade, mongo-perf, tpcc
    """,
    "a transfer": """
        rclone copy, rclone sync, rclone move, rclone bisync, rclone check, gsutil rsync !-n, gsutil cp -r, gsutil cp -R, aws s3 sync, azcopy copy, azcopy sync, gcloud storage cp -r, gcloud storage cp -R, gcloud storage rsync,
        az storage blob download-batch, az storage blob upload-batch, s5cmd cp, s5cmd sync, s3cmd sync, mc mirror, mc cp -r, fpsync, bbcp, globus transfer, lftp mirror, b2 sync,
        huggingface-cli download, huggingface-cli upload, huggingface-cli upload-large-folder, hf download, hf upload, kaggle competitions download, kaggle datasets download, dvc pull, dvc push, git-lfs fetch,
        wget --mirror, wget -m, wget -b, wget --background, wget -r, wget -i, wget -c, aria2c, axel, yt-dlp !-F !-s !--simulate !--list-formats, gallery-dl, prefetch, fasterq-dump, fastq-dump, ollama pull, skopeo copy, skopeo sync, repo sync,
        git clone --mirror, docker pull, podman pull, docker save, podman save, docker load, docker push, docker compose push, docker compose pull, ctr images pull, git lfs fetch, git lfs pull, dd, ddrescue, shred, partclone, apt-mirror, debmirror
    """,
    "a crawl": "scrapy crawl, httrack, wpull, katana, crawl4ai, nutch crawl, wget2 -r",
    "an image build": """
        docker build !--check, docker buildx build !--check, docker buildx bake !--print, docker compose build, docker image build, docker-compose build, podman build, podman-compose build, buildah bud, buildah build, kaniko, packer build, apptainer build, singularity build,
        nerdctl build, earthly, img build, mkosi, debootstrap, pi-gen
    """,
    "a whole build": """
        bazel build, bazel test, bazelisk build, bazelisk test, buck2 build, nix-build !--dry-run, nix build !--dry-run, nixos-rebuild, guix build, guix system, vcpkg install, spack install, conan install --build, stack build, cabal build all, xcodebuild !-list !-version !-showsdks,
        colcon build, catkin build, catkin_make, bitbake, vivado -mode, quartus_sh --flow, nextpnr-ecp5, openlane, cargo build --release, cargo install, cargo test --release, cargo test --workspace, cargo bench, cargo llvm-cov, cargo mutants, cargo tarpaulin, cross build, trunk build --release,
        ninja !-t !-n, autoninja, samu, gradle build, gradlew build, gradlew assembleRelease, gradlew connectedCheck, gradle assembleRelease, mvn install, mvn verify, mvn package, mvn deploy, sbt assembly, cmake --build, make all !-n, make world, make buildworld, make bzImage, make vmlinux, make modules, make check-all, make -j !-n !-q,
        make deb-pkg, make bindeb-pkg, make bindeb-pkg, gmake -j, debuild, dpkg-buildpackage, rpmbuild, mock, makepkg, emerge, brew install --build-from-source, pip install --no-binary, pip wheel --no-binary, pip wheel, flutter build, electron-builder, pyinstaller, meson compile, b2 install, scons -j, waf build, conda build, conda mambabuild, boa build, mkdocs gh-deploy, m4b-tool,
        npm run build:all, nx run-many, turbo build, lerna run, RunUAT.sh, unity-editor -batchmode, Unity -batchmode, abuild, tox -p, tox run-parallel, nox -s all, genkernel, buildroot, make defconfig -j
    """,
    "a fuzzing or soak run": """
        cargo fuzz run, afl-fuzz, honggfuzz, stress, stress-ng, fio !--parse-only !--cmdhelp, sysbench, locust, k6 run, wrk, wrk2, hey -n, hey -z, ab -n, vegeta attack, phoronix-test-suite, iperf3 -t, memtester, mprime, go test -fuzz, go test -count, go test -bench, jmh, hyperfine, iozone, bonnie++, artillery run, gatling, jmeter -n, tsung, drill, siege,
        badblocks, smartctl -t, playwright test --repeat-each, cypress run, dieharder, testdisk, syzkaller, boofuzz, schemathesis run, wrk -d, ghz, nosetests -A
    """,
    "a transcode or a render": """
        ffmpeg !-version !-encoders !-decoders !-formats !-codecs !-filters !-hwaccels !-h !-L !-sources !-frames:v !-vframes, HandBrakeCLI !--scan, av1an, SvtAv1EncApp, x264, x265, aomenc, rav1e, makemkvcon, mkvmerge, blender -b, blender --background, blender -a, Blender -b, realesrgan-ncnn-vulkan, rife-ncnn-vulkan,
        colmap, metashape.sh, meshroom_batch, OpenMVS, povray, prman, husk, kick, redshiftCmdLine, mantra, arnold, mitsuba, cycles, melt, upscayl, video2x, demucs, spleeter separate, audiveris, ocrmypdf, tesseract, tippecanoe, gdal_merge.py, gdalwarp, gdaladdo, gdal_translate, pdal pipeline, odm, mediapipe, vips dzsave, pyvips, gource, convert -density, magick mogrify, mogrify
    """,
    "archive work": """
        tar -c, tar c, tar cf, tar czf, tar cjf, tar cJf, tar cvf, tar czvf, tar cvzf, tar -czf, tar -cf, tar --create, tar -x, tar xf, tar xzf, zstd !-l !--list, xz !-l !--list, pixz, pigz, lbzip2, pbzip2, 7z a, 7z x, 7za a, 7zz a, zip -r, unzip !-l !-t !-v !-Z !-p, rar a, unrar x, mksquashfs, dar -c, lrzip, brotli,
        git gc --aggressive, git repack -a, git filter-repo, git filter-branch, git bisect run, git fsck --full, bfg, git bundle create, qemu-img convert, vboxmanage clonemedium, rmlint, fdupes -r, jdupes -r, czkawka_cli, par2 create, rdfind, hashdeep -r
    """,
    "a backup": """
        restic backup, restic prune, restic check, restic restore, restic copy, borg create, borg check, borg prune, borg extract, borg compact, borgmatic, duplicity, duplicacy backup, kopia snapshot create, zfs send, zfs recv, zfs receive, btrfs send, btrfs receive, btrfs balance, btrfs scrub, zpool scrub, zpool resilver, bup save, rdiff-backup, rsnapshot, tarsnap, velero backup create, proxmox-backup-client backup, vzdump, attic create, timeshift --create, e2fsck, xfs_repair, mdadm --grow, resize2fs
    """,
    "an upgrade": "do-release-upgrade, apt-get full-upgrade !-s, apt full-upgrade, apt-get dist-upgrade !-s, apt dist-upgrade, apt-get upgrade !-s, dnf upgrade, dnf system-upgrade, pacman -Syu, zypper dup, kubectl drain, freebsd-update, emerge -u",
    "a genomics run": """
        bwa mem, bwa index, bwa-mem2 mem, bwa-mem2 index, bowtie2, bowtie2-build, minimap2, hisat2, STAR, salmon quant, salmon index, kallisto quant, samtools sort, samtools merge, samtools markdup, bcftools mpileup, bcftools call, gatk HaplotypeCaller, gatk GenotypeGVCFs, gatk MarkDuplicates, freebayes, strelka, mutect2, deepvariant, run_deepvariant, pbrun,
        blastn, blastp, blastx, tblastn, makeblastdb, diamond blastx, diamond blastp, diamond makedb, mmseqs, hmmsearch, hmmscan, jackhmmer, hhblits, interproscan.sh, prokka, bakta, spades.py, metaspades.py, megahit, flye, canu, hifiasm, unicycler, trinity, Trinity, rnaspades.py, cellranger count, cellranger mkref, spaceranger count, cellranger-atac count, dorado basecaller, guppy_basecaller, bonito, kraken2, kraken2-build, bracken-build, metaphlan, humann, vep, snpEff, annovar,
        iqtree, iqtree2, raxml-ng, raxmlHPC, mrbayes, mb, beast, orthofinder, busco, quast.py, medaka_consensus, racon, pilon, trim_galore, fastp, fastqc, multiqc, macs2 callpeak, macs3 callpeak, featureCounts, stringtie, rsem-calculate-expression, plink2, plink, regenie, bolt, shapeit4, beagle, ldsc.py, picard, nextclade run, augur, checkm, gtdbtk, pbmm2, pbsv, sniffles, hail, bismark, mafft, muscle, clustalo, cutadapt, bedtools intersect, prodigal, eggnog-mapper, emapper.py, RepeatMasker, RepeatModeler, maker
    """,
    "a simulation": """
        root -b, L2A_Process, xds_par, XDS, relion_refine, snap, gpt -x, isce2, orfeo,
        gmx mdrun, gmx_mpi mdrun, mdrun, lmp, lmp_mpi, lammps, namd2, namd3, pmemd.cuda, pmemd, sander, openmm, charmm, cp2k.popt, cp2k.psmp, pw.x, ph.x, vasp_std, vasp_gam, vasp_ncl, siesta, abinit, orca, g16, g09, nwchem, psi4, qchem, xtb, crest, dftb+, wrf.exe, real.exe, mpas_atmosphere, cesm, simpleFoam, pimpleFoam, icoFoam, interFoam, rhoCentralFoam, snappyHexMesh, blockMesh -x, Allrun, su2_cfd, SU2_CFD, fluent,
        mpirun, mpiexec, orterun, prun, abaqus, ansys, mapdl, comsol batch, ccx, elmersolver, code_aster, as_run, openmc, mcnp6, serpent, geant4, matlab -batch, matlab -r, octave --eval-file, ngspice -b, hspice, spectre, ltspice, xyce, verilator_sim, vsim -c, xsim, vcs, simv, vina, smina, gnina, autodock, qvina2, rosetta_scripts, relax.static, foldx, Rosetta, gem5.opt, gem5, ns3, omnetpp, sumo, carla, mitgcmuv, roms, swan, delft3d, modflow, mf6, paraview --batch, pvbatch, athena, enzo, gadget4, ramses3d, flash4
    """,
    "a search that may run for days": "hashcat !--benchmark !-b !--show !--identify, john !--show !--test, aircrack-ng, hydra, nmap -p-, masscan, nuclei, sqlmap, gobuster, ffuf, feroxbuster, amass enum, nikto, ecm, msieve, yafu, cado-nfs.py, minizinc, kissat, cadical, z3 -T, gurobi_cl, cbc, scip, glpsol, lkh, concorde",
    "a heavy computation": "sort -S, sort --parallel, sort -T, jupyter nbconvert --execute, jupyter-nbconvert --execute, quarto render, bookdown, sage, magma, gap, gp -q, maple, mathematica, wolframscript -file, faiss_build, tantivy index, lucene, meilisearch-importer, typesense-importer, elasticsearch-reindex, kiwix, zimwriterfs",
}

QUICK = set("""
    ls ll cat tac head tail wc df du free uptime who w date hostname hostnamectl uname pwd echo printf grep egrep fgrep zgrep rg ag awk gawk sed cut sort uniq tr jq yq column paste join comm rev fold fmt nl xxd od hexdump diff cmp
    stat file ps pgrep pkill kill killall pidof top htop btop iotop nvidia-smi nvtop gpustat rocm-smi lscpu lsblk lspci lsusb lsof fuser ss netstat ip ifconfig ping traceroute dig host nslookup systemctl journalctl loginctl service dmesg last lastlog
    id groups whoami env export set unset test [ [[ true false : cd pushd popd dirs mkdir touch ln rm rmdir mv cp chmod chown chgrp readlink realpath dirname basename which whereis type command hash git gh glab source . read local declare typeset readonly return
    exit break continue shift trap wait sleep tmux screen md5sum sha256sum sha1sum crontab tee xargs parallel seq pueue pueue-skill pueued squeue sinfo sacct scancel scontrol sbatch docker podman kubectl helm curl wget nproc getent locate man history alias unalias less more clear
    gitk tig qsub bsub condor_submit locale pg_isready nvcc ldconfig passwd chsh getfacl setfacl numfmt tput stty tty sync mount umount findmnt blkid vmstat iostat mpstat sar sensors timedatectl localectl lsmod modinfo sysctl ulimit umask shopt printenv logger mktemp bc expr factor let mapfile readarray disown jobs bg fg times exec eval ssh scp sftp ssh-add ssh-keygen ssh-copy-id
    rsync maturin duckdb zfs zpool btrfs lvs vgs pvs ulimit apt-cache dpkg rpm brew pip pip3 uv poetry npm pnpm yarn node cargo rustc go java javac mvn make cmake pytest ruff mypy black isort flake8 eslint prettier tsc shellcheck shfmt pre-commit terraform tofu aws gcloud az gsutil rclone
    sqlite3 psql mysql clickhouse-client duckdb redis-cli mongosh influx bq cqlsh conda mamba micromamba pyenv nvm rustup mise asdf direnv just task module ml code open xdg-open pbcopy pbpaste vim vi nvim nano emacs ed nix tree exa eza bat fd find hyperfine watch
    unzip zipinfo openssl gpg base64 envsubst iconv dos2unix nc ncat socat tcpdump strace ltrace gdb perf valgrind ldd nm objdump strings size ar ranlib
""".split())

# Words in a script's or a task's name, and in its first arguments.
SCRIPT_WORDS: dict[str, str] = {
    word: why
    for why, words in {
        "training": "train training trainer pretrain finetune finetuning retrain distill sft rlhf dpo ppo fit hyperopt tune tuning grpo sac dreambooth lora crossval",
        "populating a cache or a table": "populate repopulate prefill precompute warmup prewarm materialize pop refill",
        "a backfill": "backfill backfiller refill catchup reprocess reingest recompute replay rehydrate",
        "an ingest": "ingest ingestion bulk loader etl elt importer migrate resync repartition compact reload dedupe dedup rollup aggregate enrich",
        "a sweep": "sweep optimize optimise gridsearch hpo trials ablation ablations gridrun",
        "a simulation": "simulate simulation simulations simulator montecarlo carlo mc backtest backtests backtesting walkforward walk rollout rollouts selfplay solver nbody ising",
        "a benchmark": "benchmark benchmarks bench soak loadtest stress fuzz fuzzing perft",
        "a crawl": "crawl crawler scrape scraper spider harvest mirror",
        "building features or an index": "preprocess featurize features embed embeddings embedding vectorize tokenize tokenization reindex faiss transcribe transcode render upscale quantize calibrate inference infer gptq awq",
        "a rebuild": "rebuild regenerate repro overnight nightly",
        "a transfer": "download downloader archive backup",
        "a conversion": "convert converter dock generate synthesize synthetic extract stitch",
        "one phase of a batch": "phase1 phase2 phase3 phase4 phase5",
    }.items()
    for word in words.split()
}
# One of these in a name or as a first argument makes the whole a look, a check or a small thing.
CALM_WORDS = set("""
    status summary summarize report lint test tests check checks validate verify show list ls plot print estimate view inspect info help config configs stats stat dry demo sample
    mini tiny smoke format fmt schema setup init version versions plan diff count peek describe doctor ping health healthcheck preview clean compile tail head logs log lookup query args parser utils util eta
    monitor watch progress compare tag tags top env freeze fixture fixtures metrics metric flops params shapes mock pueue toc example hello new add typecheck
""".split())

# Options that say by themselves that a run is long.
LONG_OPTIONS = set("""
    --epochs --num-epochs --num_epochs --num_train_epochs --max-epochs --max_epochs --max-epoch --n-epochs --train.epochs --max-steps --max_steps --num-train-steps --num_train_steps --total-timesteps --total_timesteps
    --n-trials --trials --n_trials --phase --full-refresh --full-reload --force-refresh --all-symbols --all-years --backfill-all --full --all --years --lookback --num-iterations --max-num-iterations --niter --niters --generations --folds --max-workers --workers -workers --processes --num-workers --num_workers --n-jobs --n_jobs --nproc --jobs
    --recompute --reprocess --exhaustiveness --n-init --restarts --sweeps --max-iter --n-boot --episodes --n-samples --num-samples --walk-forward --concurrency --parallel --full-year --checkpoint-every --time-limit --max_total_time
    --symbols --thresholds --shards --shard --universe --batches --calib-samples
""".split())
QUICK_OPTIONS = set("""
    --help --version --dry-run --dryrun --dry_run --dry --plan --status --list --list-phases --list-rules --check-only --print-config --show-config --print --show --validate-only --test-run --fast-dev-run --fast_dev_run --smoke --smoke-test
    --collect-only --co --whatif --what-if --explain --count-only --describe --check --simulate --no-run --estimate --preview --noop --syntax-check --just-print --print-plan --list-only --eta
""".split())
SMALL_OPTIONS = {"--limit", "--head", "--sample", "--last", "--max-files", "--max-items", "--samples"}
BIG_DOWNLOADS = (
    ".bz2", ".pbf", ".parquet", ".iso", ".img", ".gguf", ".safetensors", ".zst", ".mkv", ".h5", ".bam", ".fastq.gz", ".json.gz", ".jsonl.gz", ".csv.gz", ".sql.gz", ".qcow2", ".tar",
)
BIG_FILES = (
    ".tar", ".tgz", ".gz", ".zst", ".xz", ".bz2", ".zip", ".7z", ".dump", ".parquet", ".bin", ".img", ".iso", ".safetensors", ".gguf", ".pt", ".ckpt", ".h5", ".hdf5", ".qcow2", ".vmdk",
    ".mkv", ".mp4", ".bam", ".fastq", ".dbn", ".pbf", ".raw", ".arrow", ".feather", ".npz", ".duckdb", ".wav", ".pcap",
)
# fmt: on
