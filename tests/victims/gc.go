// gc: goroutines that are preempted in loops without a call, maps, channels, and a
// collector that runs all the time.
package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

type node struct {
	left, right *node
	value       int
}

func build(depth int) *node {
	if depth == 0 {
		return &node{value: 1}
	}
	return &node{build(depth - 1), build(depth - 1), depth}
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func main() {
	debug.SetGCPercent(10)
	var wait sync.WaitGroup
	var total, over int64

	for i := 0; i < 4; i++ { // nothing but asynchronous preemption ends their turns
		go func() {
			for x := 0; atomic.LoadInt64(&over) == 0; x++ {
				for j := 0; j < 1000000; j++ {
					x ^= j
				}
			}
		}()
	}
	for i := 0; i < 8; i++ {
		wait.Add(1)
		go func(n int) {
			defer wait.Done()
			words := map[string]int{}
			for j := 0; j < 20; j++ {
				atomic.AddInt64(&total, int64(build(8+n%3).sum()))
				words[fmt.Sprint(j%7, n)] += j
			}
			for _, count := range words {
				atomic.AddInt64(&total, int64(count))
			}
			func() {
				defer func() {
					if recover() != nil {
						atomic.AddInt64(&total, 1000000)
					}
				}()
				var nothing *node
				atomic.AddInt64(&total, int64(nothing.value))
			}()
		}(i)
	}
	wait.Wait()
	runtime.GC()
	atomic.StoreInt64(&over, 1)
	fmt.Println("total", total)
}
