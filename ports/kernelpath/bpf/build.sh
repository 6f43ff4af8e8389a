#!/bin/sh
# Compiles the programs, and notes of what source the object was made. Needs clang 14 or
# later and the headers of linux-libc-dev.
set -e
cd "$(dirname "$0")"
clang -O2 -mcpu=v3 -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -Wall -Wextra -Wno-unused-parameter -c kernelpath.c -o kernelpath.o
sha256sum kernelpath.c >kernelpath.sum
