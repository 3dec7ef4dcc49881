# shellcheck shell=bash disable=SC2016 # The printed text contains backquotes.
# Shared by `demo`, `packages`, `reproducible`, `test` and `.ci/run`, which source it at the top of the clone.

# The folder for programs that CI installs, outside the clone so that the next clone can use them.
tools=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
tools=${TRAILPROOF_CI_TOOLS:-${tools:-$PWD/target}/trailproof-ci}
# The second folder is rustup's. A shell opened before the installation of rustup does not have it.
PATH=$PATH:$tools/bin:${CARGO_HOME:-${HOME:-}/.cargo}/bin

note() {
    printf 'note: %s\n' "$1" >&2
}

# die ERROR HINT
die() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# at_least VERSION FOUND
at_least() {
    printf '%s\n' "$1" "$2" | sort --version-sort --check=silent
}

# Runs apt-get as root. Its output goes to stderr, because stdout belongs to the program that runs later.
apt_get() {
    local sudo=()
    ((EUID == 0)) || sudo=(sudo)
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null >&2
}

apt_updated=
# can_install NAME…: ends the script if these packages cannot be installed with apt-get.
can_install() {
    command -v apt-get >/dev/null || die "not installed: $*" 'install it with your package manager; these are the names of Debian packages'
    ((EUID == 0)) || command -v sudo >/dev/null || die "not installed: $*" "as root, run \`apt-get install --no-install-recommends $*\`"
    [[ -n $apt_updated ]] || apt_get update
    apt_updated=1
}

# install_packages PACKAGE…
install_packages() {
    note "installing Debian packages: $*"
    can_install "$@"
    apt_get install --yes --no-install-recommends "$@"
}

# Prints the version of a package that apt-get would install, or nothing.
candidate() {
    LC_ALL=C apt-cache policy "$1" | sed -n 's/^  Candidate: \([^(].*\)/\1/p'
}

# install_toolchain VERSION
#
# Installs Debian's toolchain if it is new enough, because nothing else is needed then; otherwise rustup's
# stable one.
install_toolchain() {
    local needed=$1 debian
    note 'no Rust toolchain found'
    can_install cargo
    debian=$(candidate cargo)
    if [[ -n $debian ]] && at_least "$needed" "${debian%%[+~-]*}"; then
        install_packages cargo rustc
    elif [[ -n $(candidate rustup) ]]; then
        install_packages rustup
        rustup toolchain install stable --profile minimal >&2
        rustup default stable >&2
    else
        die "this Debian release has neither Rust $needed nor rustup" 'install Rust as https://rustup.rs describes, then run this again'
    fi
}

# Installs whatever the build needs and this machine lacks. An existing toolchain is never changed, even
# if it is too old.
prepare() {
    local packages=() needed found
    # AWS-LC needs the headers of the C library, and Debian's compiler does not depend on them.
    cc -E -x c - <<<'#include <stdlib.h>' >/dev/null 2>&1 || packages+=(gcc libc6-dev)
    command -v git >/dev/null || packages+=(git)
    # The program, not the shell built-in: tests send signals with it.
    type -P kill >/dev/null || packages+=(procps)
    # cargo trusts the system's certificates.
    if command -v apt-get >/dev/null && [[ -z ${SSL_CERT_FILE:-} && ! -e /etc/ssl/certs/ca-certificates.crt ]]; then
        packages+=(ca-certificates)
    fi
    ((${#packages[@]} == 0)) || install_packages "${packages[@]}"

    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    # Also fails for rustup's `cargo` if rustup has no toolchain.
    if ! found=$(cargo --version 2>/dev/null); then
        install_toolchain "$needed"
    elif found=$(cut -d ' ' -f 2 <<<"$found") && ! at_least "$needed" "$found"; then
        die "cargo $found is older than $needed" 'with rustup, `rustup update stable` installs a newer one'
    fi
}

# venv NAME REQUIREMENT…
#
# Installs one environment per program, because their pinned dependencies may conflict. The name contains
# the versions. An environment is rebuilt if its installation was interrupted, or if its Python is gone.
venv() {
    local at=$tools/$1
    shift
    if [[ -e $at/complete ]] && "$at/bin/python" -c ''; then
        return
    fi
    rm -rf "$at"
    python3 -m venv "$at"
    "$at/bin/pip" install --quiet --disable-pip-version-check "$@"
    touch "$at/complete"
}

# tool PROGRAM VERSION OPTION…
#
# Installs a tool, unoptimised: tools run for seconds, and an optimised build takes minutes.
tool() {
    local program=$1 version=$2
    shift 2
    # cargo's own list, because not every program prints its version.
    if [[ -x $tools/bin/$program ]] && grep -q "^\"$program $version " "$tools/.crates.toml" 2>/dev/null; then
        echo "$program $version is installed"
        return
    fi
    CARGO_PROFILE_DEV_DEBUG=0 cargo install "$program" --version "$version" --locked --debug \
        --quiet --root "$tools" "$@"
}

# Installs what `cargo xtask release` runs. Some of it must come first on the PATH: the folder
# `$release_path`.
install_release_tools() {
    local auditable=0.7.7 zigbuild=0.24.0 zig=0.17.0 maturin=1.16.0 packages=()
    command -v rpmbuild >/dev/null || packages+=(rpm)
    command -v umoci >/dev/null || packages+=(umoci)
    command -v xz >/dev/null || packages+=(xz-utils)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
    ((${#packages[@]} == 0)) || install_packages "${packages[@]}"
    prepare
    mkdir -p "$tools/bin"
    tool cargo-auditable "$auditable"
    venv "release-$zigbuild-$zig-$maturin" "cargo-zigbuild==$zigbuild" "ziglang==$zig" "maturin==$maturin"
    # shellcheck disable=SC2034 # `packages` and `reproducible` read it.
    release_path=$tools/release-$zigbuild-$zig-$maturin/bin
}
