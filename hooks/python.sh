# Finds a Python for pueue-skill and runs it. Sourced by launch, prepare, monitor and bin/pueue-skill; `here` is the absolute path of
# this file's folder.
#
# The hooks run and import nothing from the caller's project: own_path removes the project's folders from PATH, Python starts with -I,
# and leave_project leaves the caller's folder.
# shellcheck disable=SC2034,SC2154 # what sources this sets here, and reads cli

# The folder that contains the package: a checkout or plugin, or the site-packages of an installed wheel.
if [ -d "$here/../pueue_skill" ]; then root=$here/..; else root=$here/../../..; fi
case ${XDG_DATA_HOME-} in /*) data=$XDG_DATA_HOME/pueue-skill ;; *) data=${HOME-}/.local/share/pueue-skill ;; esac
own_venv=$data/venv

# own_path: removes relative and empty entries from PATH, and the folders of the current folder's project. The project is the
# nearest folder with .git or .pueue-skill.toml, or else the current folder; the home folder and its parents are no project.
own_path() {
    project=$PWD
    while [ -n "$project" ] && [ ! -e "$project/.git" ] && [ ! -e "$project/.pueue-skill.toml" ]; do project=${project%/*}; done
    project=${project:-$PWD}
    case ${HOME-}/ in "${project%/}"/*) project=$PWD ;; esac
    case ${HOME-}/ in "${project%/}"/*) project= ;; esac
    path=
    set -f
    IFS=:
    for folder in ${PATH-}; do
        case $folder in /*) ;; *) continue ;; esac
        within "$folder" || path=$path:$folder
    done
    unset IFS
    set +f
    PATH=${path#:}
    PATH=${PATH:-/usr/bin:/bin} # an empty PATH would mean the current folder
}

# within FOLDER: succeeds if it is the project or below it, under any name.
within() {
    [ -n "$project" ] || return
    above=$1
    while [ -n "$above" ]; do
        if [ "$above" -ef "$project" ]; then return; fi
        above=${above%/*}
    done
    return 1
}

# leave_project: afterwards, no program that a hook starts finds the project through its folder, PATH or a shell's start-up file.
leave_project() {
    own_path
    export PATH
    unset BASH_ENV ENV CDPATH PYTHONHOME PYTHONPATH
    cd /
}

# each_python PYTHON FUNCTION: sets `python` to each candidate in turn and calls FUNCTION, until it succeeds. The candidates: PYTHON
# (may be ''), the checkout's .venv, the environment that prepare creates, that of an installed pueue-skill.
each_python() {
    for python in "$1" "$root/.venv/bin/python"; do
        if [ -n "$python" ] && [ -x "$python" ] && "$2"; then return; fi
    done
    python=$own_venv/bin/python
    if [ -f "$own_venv/requirements.txt" ] && [ -x "$python" ] && "$2"; then return; fi
    for program in "$(command -v pueue-skill)" "${HOME-}/.local/bin/pueue-skill"; do
        python_of "$program"
        case $python in /*) if [ -x "$python" ] && "$2"; then return; fi ;; esac
    done
    python=
    return 1
}

# python_of PROGRAM: sets `python` to the interpreter in the first lines of PROGRAM, a script written by a Python installer.
python_of() {
    python=
    { IFS= read -r first && IFS= read -r second; } 2>/dev/null <"$1" || return
    case $first in
        '#!'*python*) python=${first#'#!'} ;;
        *) # a path that is too long or contains blanks is in the second line
            case $second in "'''exec' "*) ;; *) return ;; esac
            python=${second#"'''exec' "}
            # shellcheck disable=SC2016 # the text itself
            python=${python%' "$0" "$@"'}
            python=${python#\"}
            python=${python%\"}
            ;;
    esac
}

# run_python MODULE ARG...: runs MODULE's main. In a virtual environment it skips `site`, which takes as long as the rest of
# Python's start.
run_python() {
    packages=
    if [ -f "${python%/*}/../pyvenv.cfg" ]; then
        for packages in "${python%/*}/../lib/python3"*/site-packages; do :; done
    fi
    if [ -d "$packages" ]; then
        [ -d "$packages/bashlex" ] || return
        "$python" -I -S -c "$start" "$root" "$packages" "$@"
    else
        "$python" -I -c "import bashlex.flags
$start" "$root" "$root" "$@"
    fi
}
start='import gc, os, sys
gc.disable()
_, root, packages, module, *arguments = sys.argv
sys.path += [root, packages] # last, so that Python looks for its own modules there only
sys.argv = ["pueue-skill", *arguments]
code = __import__(module, fromlist=["main"]).main(arguments)
try:
    sys.stdout.flush()
finally:
    os._exit(code) # cleanup at exit takes as long as importing bashlex'
# The command line.
cli='import sys
_, root, *arguments = sys.argv
sys.path.insert(0, root)
sys.argv = ["pueue-skill", *arguments]
from pueue_skill.cli.main import main
sys.exit(main(arguments))'
