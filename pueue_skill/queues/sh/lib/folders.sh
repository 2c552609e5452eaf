# The folders in which installers put pueue and other programs, with colons between, in $pq_folders: ssh runs a command without most of
# them on its PATH. The first of them, $pq_bin, is the one into which `setup` installs pueue.
# shellcheck disable=SC2034 # the scripts that include this read them

pq_bin=$HOME/.local/bin
pq_folders=$pq_bin:$HOME/.cargo/bin:/opt/homebrew/bin:/usr/local/bin
