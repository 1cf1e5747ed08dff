// What a compiler of JavaScript is tried with: objects, sorting, maps, regular
// expressions, floating point, typed arrays, JSON, promises, workers' messages.
'use strict';
function Point(x, y) { this.x = x; this.y = y; }
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
let sum = 0;
for (let round = 0; round < 5; round++) {
	const points = [];
	for (let i = 0; i < 10000; i++)
		points.push(new Point(i * 7919 % 10007, i * round));
	points.sort((p, q) => p.x - q.x || q.y - p.y);
	for (const p of points)
		sum = (sum * 31 + p.x * 3 + p.y) | 0;
}
const counts = new Map();
for (let i = 0; i < 50000; i++)
	counts.set('k' + i % 500, (counts.get('k' + i % 500) || 0) + i);
for (let i = 0; i < 5000; i++)
	sum += /^a(b|c)*d$/.test('abcbcbd' + (i & 1 ? '' : 'x')) ? 1 : 0;
const floats = new Float64Array(10000);
for (let round = 0; round < 50; round++)
	for (let i = 0; i < floats.length; i++)
		floats[i] += Math.sqrt(i * round);
sum += fib(22) + counts.get('k77') + Math.round(floats[4242]);
sum += JSON.parse(JSON.stringify([...counts.entries()])).length;
(async () => {
	for (let i = 0; i < 1000; i++)
		sum += await Promise.resolve(i);
	try { null.nothing; } catch (e) { sum += e.message.length; }
	console.log(sum);
})();
