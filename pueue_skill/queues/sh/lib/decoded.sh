# `decoded` decodes base64 from stdin to stdout, by whichever program the host has for it.

decoded() {
    if base64 -d </dev/null >/dev/null 2>&1; then
        base64 -d
    elif base64 -D </dev/null >/dev/null 2>&1; then
        base64 -D
    else openssl base64 -d; fi
}
