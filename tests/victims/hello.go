// hello: goroutines, a channel, a map, a garbage collection.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
)

func work(n int, out chan<- int, wg *sync.WaitGroup) {
	defer wg.Done()
	sum := 0
	for i := 0; i < 1000*n; i++ {
		sum += i % 7
	}
	out <- sum
}

func main() {
	var wg sync.WaitGroup
	out := make(chan int, 16)
	for i := 1; i <= 16; i++ {
		wg.Add(1)
		go work(i, out, &wg)
	}
	wg.Wait()
	close(out)
	seen := map[int]bool{}
	for v := range out {
		seen[v] = true
	}
	keys := []int{}
	for k := range seen {
		keys = append(keys, k)
	}
	sort.Ints(keys)
	runtime.GC()
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var p *int
		fmt.Println(*p)
	}()
	fmt.Println(keys)
	os.Exit(7)
}
