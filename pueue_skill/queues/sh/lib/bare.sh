# `bare NAME=VALUE... COMMAND...` runs a command with these variables and the environment that sshd gave the login shell, before its start-up
# files. Some builds of bash do not read these files unless sshd is their parent; there, and without /proc, the command gets the environment
# as it is.
# shellcheck disable=SC1007,SC3013 # SHLVL must be empty; if test has no -ef, the environment is passed as it is

bare() { # runs in the environment before start-up files, which the job's shell reads
    if [ "/proc/$PPID/exe" -ef "$SHELL" ] && { [ "${SHELL##*/}" != bash ] ||
        echo echo read | SSH_CLIENT=x SHLVL= "$SHELL" --rcfile /dev/stdin -c : 2>/dev/null | grep -q read; }; then
        printf '%s\0' ${BASH_VERSION:+SHLVL=-1} "$@" | cat "/proc/$PPID/environ" - | xargs -0 -x -n 9999 -s 999999 env -i
    else env "$@"; fi
}
