# `decoded` turns base64 on standard input into what it stands for, by whatever program of the host knows it.

decoded() {
    if base64 -d </dev/null >/dev/null 2>&1; then
        base64 -d
    elif base64 -D </dev/null >/dev/null 2>&1; then
        base64 -D
    else openssl base64 -d; fi
}
