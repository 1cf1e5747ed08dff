-- What a tracing compiler is tried with: hot loops, side exits, closures, strings.
local sum = 0
for i = 1, 300000 do
	if i % 7 == 0 then sum = sum + i * 2 elseif i % 11 == 0 then sum = sum - i else sum = sum + 1 end
end
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local words = {}
for i = 1, 5000 do words[#words + 1] = ("w%d"):format(i * 7919 % 5003) end
table.sort(words)
local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(i) end end)
for i = 1, 1000 do sum = sum + co() end
local ok = pcall(function() return nil + 1 end)
print(sum, fib(22), words[1], words[#words], ok, #table.concat(words))
