-- tables, closures, coroutines, string patterns, errors
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(12))
local co = coroutine.wrap(function() for i = 1, 5 do coroutine.yield(i * i) end end)
print(co(), co(), co())
local t = {}
for w in ("one two three four"):gmatch("%a+") do t[#t + 1] = w:upper():reverse() end
table.sort(t)
print(table.concat(t, ","))
print(pcall(error, { code = 1 }) and "no" or "caught")
print(select(2, pcall(function() local x = nil; return x.y end)))
os.exit(6)
