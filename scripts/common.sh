# What the scripts of this folder share; sourced by them.

say() { printf '==> %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$0" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "need root or sudo for: $*"
    fi
}

install() {
    command -v apt-get >/dev/null || die "$* is missing, and there is no apt-get here to install it with; please install it by hand"
    say "installing $*"
    as_root apt-get update -qq >&2 || die "apt-get update failed"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || die "could not install $*"
}
