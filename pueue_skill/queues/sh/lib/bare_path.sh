# `bare WORD...` as in bare.sh, with the folders of $pq_first (each with a colon after it) at the start of PATH.
# shellcheck disable=SC1007,SC2154,SC3013 # as in bare.sh; the text that includes this function sets pq_first

bare() { # runs in the environment before start-up files, which the job's shell reads
    if [ "/proc/$PPID/exe" -ef "$SHELL" ] && { [ "${SHELL##*/}" != bash ] ||
        echo echo read | SSH_CLIENT=x SHLVL= "$SHELL" --rcfile /dev/stdin -c : 2>/dev/null | grep -q read; }; then
        pq_path=$(tr '\0' '\n' <"/proc/$PPID/environ" | sed -n 's/^PATH=//p')
        printf '%s\0' "PATH=$pq_first$pq_path" ${BASH_VERSION:+SHLVL=-1} "$@" | cat "/proc/$PPID/environ" - | xargs -0 -x -n 9999 -s 999999 env -i
    else env "$@"; fi
}
