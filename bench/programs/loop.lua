-- loop.lua N: tables, strings, closures
local n = tonumber(arg[1]) or 30000000
local words, sum = {}, 0

local function mix(i)
	return function(x) return (x * 17 + i) % 7919 end
end

local mixers = {}
for i = 1, 64 do mixers[i] = mix(i) end
for i = 1, n do
	sum = mixers[i % 64 + 1](sum + i)
	if i % 128 == 0 then words[i // 128 % 1024 + 1] = sum .. "/" .. i end
end
print(sum, #words)
