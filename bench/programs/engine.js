// engine.js N: objects, closures, typed arrays
'use strict';
const n = +process.argv[2] || 3000000;
const grid = new Float64Array(4096);
class Cell { constructor(i) { this.i = i; } step(x) { return (x * 31 + this.i) % 4093; } }
const cells = Array.from({ length: 64 }, (_, i) => new Cell(i));
let x = 1;
for (let i = 0; i < n; i++) {
	x = cells[i & 63].step(x);
	grid[x] += 1;
}
console.log(x, grid.reduce((a, b) => a + b, 0));
