// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// placement is which processors the two ends of a pair are on. Servers of pairs stay
// on the first.
type placement string

const (
	anywhere placement = ""      // as the scheduler has it, which may change at any time
	apart    placement = "last"  // a processor for each end, as two machines have
	together placement = "first" // one for both: nothing waits, all work counts
)

// pin keeps this process on the first or the last of the processors that it may use.
func pin(on placement) error {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	cpus := members(&all)
	switch on {
	case together:
		one.Set(cpus[0])
	case apart:
		one.Set(cpus[len(cpus)-1])
	default:
		return fmt.Errorf("no processor %q", on)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks { // those to come have it from these
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &one); err != nil {
			return fmt.Errorf("stay on the %s processor: %w", on, err)
		}
	}
	return nil
}

func members(set *unix.CPUSet) (cpus []int) {
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}
