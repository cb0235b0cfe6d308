#!/bin/sh
# pkg_config.sh LIBDIR OUT PACKAGE=SOURCE… -- COMPILER…: what pkg-config says is enough to build and run.
set -eu
libdir=$1 out=$2
shift 2
uses=
while [ "$1" != -- ]; do
  uses="$uses $1"
  shift
done
shift
export PKG_CONFIG_PATH="$libdir/pkgconfig" LD_LIBRARY_PATH="$libdir"
for use in $uses; do
  # shellcheck disable=SC2046  # flags are words
  "$@" "${use#*=}" $(pkg-config --cflags --libs "${use%%=*}") -o "$out"
  "$out"
done
