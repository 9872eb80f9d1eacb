// SPDX-License-Identifier: Apache-2.0

package datapath

// The objects are committed, so that building needs no clang. They are made with clang
// 14 (Debian 12's; Debian 13's clang-19 works too but gives other bytes) from
// nothing but the files in bpf. Of the lines they say only where a function is: all of
// them are half of an object, and every start reads them.
//go:generate -command compile go run github.com/cilium/ebpf/cmd/bpf2go -target bpfel -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -gno-column-info -gno-inline-line-tables -Wall -Wextra -Wno-unused-parameter -Werror -nostdinc -fms-extensions -Wno-microsoft-anon-tag -mcpu=v3"
//go:generate compile -output-stem zz -type family -type address_kind -type interface_flag -type port_kind -type program -type rule -type rule_flag -type route_target -type listener_state -type socket_kind -type flow_state -type destination -type drop_reason -type verdict bpf bpf/pipeline.bpf.c
//go:generate compile -output-stem zz_rare -no-global-types rare bpf/rare.bpf.c
