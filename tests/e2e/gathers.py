"""gathers.py SEED COUNT OFFSET LEN EXPECTED: an assembly program of COUNT gathers of every form
that this processor has, around `place`.  EXPECTED gets the labels of those that read any of the
LEN bytes at place + OFFSET."""
import random
import sys

seed, count, offset, length, expected = *map(int, sys.argv[1:5]), sys.argv[5]
rng = random.Random(seed)
flags = open('/proc/cpuinfo').read().split('flags', 1)[1].split('\n', 1)[0].split()
evex = 'avx512f' in flags and 'avx512vl' in flags
FORMS = [(f'v{name}', index, width) for index in (4, 8) for name, width in (
    (f'pgather{"dq"[index // 8]}d', 4), (f'pgather{"dq"[index // 8]}q', 8),
    (f'gather{"dq"[index // 8]}ps', 4), (f'gather{"dq"[index // 8]}pd', 8))]
# where `place` is, in the operand
BASES = ['rbp + {x}*{s} + {d}', 'ebp + {x}*{s} + {d}', '{x}*{s} + place + {d}', 'r12 + {x}*{s} + {d}']
code, data, hits = [], [], []


def register(bytes_len, number):
    return f'{"x" if bytes_len <= 16 else "y" if bytes_len == 32 else "z"}mm{number}'


for i in range(count):
    name, index, width = rng.choice(FORMS)
    is_evex = evex and rng.random() < 0.5
    vector = rng.choice((16, 32, 64) if is_evex else (16, 32))
    elements = vector // max(index, width)
    to, x, mask = rng.sample(range(32 if is_evex else 16), 3)
    scale, disp = rng.choice((1, 2, 4, 8)), rng.randrange(-40, 60)
    indices = [rng.randrange(-10, 14) for _ in range(elements)]
    made = [rng.random() < 0.6 for _ in range(elements)]
    base = rng.choice(BASES)
    if rng.random() < 0.2:
        memory = 'fs:[' + 'rcx + {x}*{s} + {d}'.format(x=register(elements * index, x), s=scale, d=disp) + ']'
    else:
        memory = '[' + base.format(x=register(elements * index, x), s=scale, d=disp) + ']'
    data.append(f'x{i}:')
    data += [f'\t.{"quad" if index == 8 else "long"} {n}' for n in indices]
    data.append('\t.balign 64')
    if is_evex:
        k = rng.randrange(1, 8)
        code.append(f'\tvmovdqu64 zmm{x}, x{i}[rip]')
        code.append(f'\tmov eax, {sum(m << n for n, m in enumerate(made))}\n\tkmovw k{k}, eax')
        code.append(f'g{i}:\t{name} {register(elements * width, to)}{{k{k}}}, {memory}')
    else:
        data.append(f'm{i}:')
        data += [f'\t.{"quad" if width == 8 else "long"} {(-1 if m else 1)}' for m in made]
        data.append('\t.balign 64')
        code.append(f'\tvmovdqu ymm{x}, x{i}[rip]\n\tvmovdqu ymm{mask}, m{i}[rip]')
        code.append(f'g{i}:\t{name} {register(elements * width, to)}, {memory}, {register(elements * width, mask)}')
    places = [n * scale + disp for n, m in zip(indices, made) if m]
    if any(p < offset + length and offset < p + width for p in places):
        hits.append(i)

print('\t.intel_syntax noprefix\n\t.globl _start, place\n\t.text\n_start:')
print('\tmov eax, 158\n\tmov edi, 0x1002\n\tlea rsi, place[rip-4096]\n\tsyscall')
print('\tlea rbp, place[rip]\n\tmov r12, rbp')
for line in code:
    if line.startswith('g'):
        print('\tmov ecx, 4096')
    print(line)
print('\tmov eax, 60\n\txor edi, edi\n\tsyscall')
print('\t.data\n\t.balign 4096\n\t.skip 2048\nplace:\t.skip 4096\n\t.balign 64')
print('\n'.join(data))
print('\t.skip 64')
with open(expected, 'w') as out:
    out.writelines(f'g{i}\n' for i in hits)
