# `bare WORD...` runs a command, words NAME=VALUE before it, with the environment that sshd gave the login shell before that read its
# start-up files. Not every bash reads them when it is no child of sshd; then what has been read is handed on, as where there is no /proc.
# shellcheck disable=SC1007,SC3013 # SHLVL is to be empty; where test has no -ef, what has been read is handed on

bare() { # runs in the environment before start-up files, which the job's shell reads
    if [ "/proc/$PPID/exe" -ef "$SHELL" ] && { [ "${SHELL##*/}" != bash ] ||
        echo echo read | SSH_CLIENT=x SHLVL= "$SHELL" --rcfile /dev/stdin -c : 2>/dev/null | grep -q read; }; then
        printf '%s\0' ${BASH_VERSION:+SHLVL=-1} "$@" | cat "/proc/$PPID/environ" - | xargs -0 -x -n 9999 -s 999999 env -i
    else env "$@"; fi
}
