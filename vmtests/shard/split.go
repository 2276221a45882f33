package shard

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Kernel is a kernel to build and boot. Times are those of one core.
type Kernel struct {
	// Name distinguishes it from the others.
	Name string
	// Tree names the object tree that it is built in; empty for a kernel that is not compiled.
	Tree string
	// Next is what building it costs after another kernel of the tree, and First what it costs
	// in addition as the tree's first on a machine.
	First, Next time.Duration
	// Boots is what all its boots cost together.
	Boots time.Duration
}

// Split assigns each kernel to one of n shards, and returns the indexes of each shard's kernels in
// ascending order. The longest shard is as short as a greedy assignment and moves and swaps of one
// kernel make it. The result depends on nothing else: times are whole numbers, which all machines
// add up alike.
func Split(kernels []Kernel, n int) [][]int {
	order := make([]int, len(kernels))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := kernels[a], kernels[b]
		return cmp.Or(cmp.Compare(y.alone(), x.alone()), strings.Compare(x.Name, y.Name))
	})
	s := split{kernels, make([][]int, max(n, 1))}
	for _, k := range order {
		best, least := 0, time.Duration(-1)
		for i, of := range s.shards {
			if t := Cost(kernels, append(slices.Clone(of), k)); least < 0 || t < least {
				best, least = i, t
			}
		}
		s.shards[best] = append(s.shards[best], k)
	}
	for s.improve() {
	}
	for _, of := range s.shards {
		slices.Sort(of)
	}
	return s.shards
}

func (k Kernel) alone() time.Duration { return k.First + k.Next + k.Boots }

// Cost returns what the kernels with these indexes cost on one machine. Each object tree is begun with
// the kernel that costs least in addition.
func Cost(kernels []Kernel, of []int) (total time.Duration) {
	first := map[string]time.Duration{}
	for _, i := range of {
		k := kernels[i]
		total += k.Next + k.Boots
		if least, begun := first[k.Tree]; k.Tree != "" && (!begun || k.First < least) {
			first[k.Tree] = k.First
			total += k.First - least
		}
	}
	return total
}

// split is an assignment that is being improved.
type split struct {
	kernels []Kernel
	shards  [][]int
}

// improve makes the longest shard shorter by moving one of its kernels to another shard, or by
// swapping it with one of those; it chooses the best change, and reports whether there was one.
func (s split) improve() bool {
	longest, most := 0, time.Duration(-1)
	for i, of := range s.shards {
		if t := Cost(s.kernels, of); t > most {
			longest, most = i, t
		}
	}
	least, other := most, -1
	var a, b []int
	try := func(i int, from, to []int) {
		if t := max(Cost(s.kernels, from), Cost(s.kernels, to)); t < least {
			least, other, a, b = t, i, from, to
		}
	}
	own := s.shards[longest]
	for i, theirs := range s.shards {
		if i == longest {
			continue
		}
		for _, k := range own {
			rest := without(own, k)
			try(i, rest, append(slices.Clone(theirs), k))
			for _, l := range theirs {
				try(i, append(slices.Clone(rest), l), append(without(theirs, l), k))
			}
		}
	}
	if other < 0 {
		return false
	}
	s.shards[longest], s.shards[other] = a, b
	return true
}

func without(of []int, k int) []int {
	return slices.DeleteFunc(slices.Clone(of), func(i int) bool { return i == k })
}
