"""stores.py SEED COUNT: an assembly program of COUNT stores around `place`, of every
kind that this processor has: seed 0 takes each kind once, in order.  All of it is done
three times: only the first time does the tracer see a store that can be put down in the
cache."""
import random
import sys

seed, count = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
flags = open('/proc/cpuinfo').read().split('flags', 1)[1].split('\n', 1)[0].split()

# {m}: an operand in memory; {v}: a number
KINDS = [
    'mov byte ptr {m}, {b}', 'mov word ptr {m}, {v}', 'mov dword ptr {m}, {v}',
    'mov qword ptr {m}, {v}', 'mov byte ptr {m}, al', 'mov {m}, bx', 'mov {m}, ecx',
    'mov {m}, r9', 'mov {m}, ah', 'movnti {m}, eax', 'movnti {m}, r10', 'movbe {m}, eax',
    'add dword ptr {m}, {v}', 'sub {m}, al', 'inc byte ptr {m}', 'neg dword ptr {m}',
    'not qword ptr {m}', 'rol word ptr {m}, 3', 'shl dword ptr {m}, cl', 'adc {m}, r8',
    'bts dword ptr {m}, 5', 'btr qword ptr {m}, 33', 'btc word ptr {m}, 9',
    'mov eax, {n}; bts {m}, eax', 'mov rax, {n}; btc {m}, rax', 'setz {m}',
    'xchg {m}, eax', 'xchg {m}, r11', 'xchg {m}, bl', 'lock xadd {m}, ebx',
    'lock add dword ptr {m}, {v}', 'lock or byte ptr {m}, {b}',
    'mov eax, {m}; lock cmpxchg {m}, ebx', 'mov eax, 77; lock cmpxchg {m}, ebx',
    'mov al, {m}; cmpxchg {m}, bl',
    'mov rax, {m}; mov edx, {m}; cmpxchg8b {m}',
    'mov rax, {a}; mov rdx, {a}+8; mov rbx, {v}; lock cmpxchg16b {a}',
    'mov rbx, {v}; lock cmpxchg16b {a}',
    'lea rsp, {m}; push rax', 'lea rsp, {m}; push {v}', 'lea rsp, {m}; push qword ptr {m}',
    'lea rsp, {m}; pushw 7', 'lea rsp, {m}; pop qword ptr {m}',
    'lea rsp, {m}; pop qword ptr [rsp + 8]',
    'lea rsp, {m}; call 1f; 1:', 'lea rax, 1f[rip]; lea rsp, {m}; call rax; 1:',
    'lea rsp, {m}; enter 16, 0',
    'lea rdi, {m}; mov al, {b}; mov ecx, {c}; rep stosb',
    'lea rdi, {m}; mov ecx, {c}; rep stosd', 'lea rdi, {m}; mov ecx, {c}; std; rep stosw; cld',
    'lea rdi, {m}; lea rsi, {m}; mov ecx, {c}; rep movsb',
    'lea rdi, {m}; lea rsi, data[rip]; mov ecx, {c}; rep movsq',
    'lea rdi, {m}; lea rsi, data[rip]+64; mov ecx, {c}; std; rep movsd; cld',
    'lea rdi, {m}; mov rax, {v}; mov r12, 4096; .byte 0x4a, 0x89, 0x07',   # REX.X without a SIB
    'lea rdi, {m}; stosb', 'lea rdi, {m}; lea rsi, data[rip]; movsq',
    'lea rdi, {m}; xor ecx, ecx; rep stosb',
    'movd {m}, xmm1', 'movq {m}, xmm2', 'movss {m}, xmm3', 'movsd {m}, xmm4',
    'movups {m}, xmm5', 'movdqu {m}, xmm6', 'movlps {m}, xmm1', 'movhpd {m}, xmm2',
    'movaps {a}, xmm3', 'movntdq {a}, xmm4', 'movntps {a}, xmm5', 'pextrb {m}, xmm1, 3',
    'pextrd {m}, xmm2, 1', 'pextrq {m}, xmm3, 1', 'extractps {m}, xmm4, 2', 'stmxcsr {m}',
    'movq {m}, mm1', 'movntq {m}, mm2', 'lea rdi, {m}; maskmovdqu xmm1, xmm2',
    'lea rdi, {m}; maskmovq mm1, mm2',
    'fld1; fstp dword ptr {m}', 'fldpi; fstp qword ptr {m}', 'fldl2e; fstp tbyte ptr {m}',
    'fldpi; fistp dword ptr {m}', 'fldpi; fistp qword ptr {m}', 'fldpi; fisttp word ptr {m}',
    'fld1; fbstp tbyte ptr {m}', 'fnstcw {m}', 'fnstsw {m}', 'fnstenv {m}',
    'fnsave {m}; frstor {m}', 'fxsave {a}', 'fxsave64 {a}',
    'mov eax, 3; xor edx, edx; xsave {a64}', 'mov eax, 7; xor edx, edx; xsave64 {a64}',
]
# {o}: where it is, relative to fs or gs, {oa}: aligned
KINDS += [kind.replace('SEG', segment) for segment in ('fs', 'gs') for kind in (
    'mov qword ptr SEG:[{o}], {v}', 'mov SEG:[{o}], ebx', 'mov byte ptr SEG:[{o}], {b}',
    'mov ecx, {o}; mov SEG:[rcx], r9', 'mov ecx, {o}; mov rax, -8; mov SEG:[rax + rcx + 8], bx',
    'add dword ptr SEG:[{o}], {v}', 'lock xadd SEG:[{o}], rbx', 'xchg SEG:[{o}], bl',
    'mov eax, SEG:[{o}]; lock cmpxchg SEG:[{o}], ebx', 'inc word ptr SEG:[{o}]',
    'lea rsp, {m}; push {v}; pop qword ptr SEG:[{o}]', 'movups SEG:[{o}], xmm5',
    'fld1; fstp qword ptr SEG:[{o}]', 'mov rax, {n}; bts SEG:[{o}], rax', 'setz SEG:[{o}]',
    'mov edi, {o}; SEG maskmovdqu xmm1, xmm2', 'mov edi, {o}; mov SEG:[edi], rbx',
    'fxsave SEG:[{oa}]',
)]
if 'avx2' in flags:
    KINDS += [
        'vmovups {m}, ymm1', 'vmovdqu {m}, ymm2', 'vmovss {m}, xmm3', 'vpextrw {m}, xmm1, 2',
        'vextracti128 {m}, ymm4, 1', 'vmaskmovps {m}, xmm6, xmm2', 'vmaskmovpd {m}, ymm6, ymm2',
        'vpmaskmovd {m}, ymm6, ymm3', 'vpmaskmovq {m}, xmm6, xmm3', 'vcvtps2ph {m}, xmm1, 0',
    ]
if 'avx512bw' in flags and 'avx512vl' in flags and 'avx512dq' in flags:
    KINDS += [
        'vmovdqu8 {m}{{k1}}, zmm1', 'vmovdqu16 {m}, zmm2', 'vmovdqu32 {m}{{k2}}, ymm3',
        'vmovdqu64 {m}, xmm16', 'vmovdqu64 {m}{{k1}}, zmm17', 'vmovups {m}{{k3}}, zmm4',
        'vmovupd {m}, ymm18', 'vmovaps {a64}{{k2}}, zmm5', 'vmovntdq {a64}, zmm6', 'vmovntps {a64}, zmm16',
        'vmovss {m}{{k1}}, xmm5', 'vmovsd {m}{{k2}}, xmm17', 'vmovss {m}{{k4}}, xmm5', 'vmovlps {m}, xmm18',
        'vmovhpd {m}, xmm19', 'vmovd {m}, xmm16', 'vmovq {m}, xmm17', 'vextractps {m}, xmm18, 1',
        'vpextrb {m}, xmm16, 3', 'vpextrw {m}, xmm17, 2', 'vpextrd {m}, xmm18, 1', 'vpextrq {m}, xmm19, 1',
        'vextracti32x4 {m}{{k1}}, zmm1, 2', 'vextracti64x4 {m}{{k2}}, zmm2, 1', 'vextractf64x2 {m}, zmm16, 3',
        'vextractf32x8 {m}{{k1}}, zmm3, 1', 'vcvtps2ph {m}{{k1}}, zmm4, 0', 'kmovb {m}, k1', 'kmovw {m}, k2',
        'kmovd {m}, k3', 'kmovq {m}, k1', 'vpmovdb {m}{{k1}}, zmm3', 'vpmovqw {m}, zmm16',
        'vpmovusdw {m}{{k2}}, ymm5', 'vpmovwb {m}{{k1}}, zmm6', 'vpmovsqd {m}, zmm17',
        'vpcompressd {m}{{k1}}, zmm6', 'vpcompressq {m}{{k2}}, zmm16', 'vcompressps {m}{{k3}}, ymm5',
        'vcompresspd {m}{{k1}}, zmm4', 'vpcompressd {m}{{k4}}, zmm6',
        'kmovq k5, k1; vpscatterdd [rbp + zmm20*4 + {s}]{{k5}}, zmm1',
        'kmovq k5, k2; vpscatterdq [rbp + ymm20*8 + {s}]{{k5}}, zmm2',
        'kmovq k5, k1; vpscatterqd [rbp + zmm21*2 + {s}]{{k5}}, ymm3',
        'kmovq k5, k3; vpscatterqq [rbp + xmm21*1 + {s}]{{k5}}, xmm4',
        'kmovq k5, k1; vscatterdps [rbp + ymm20*4 + {s}]{{k5}}, ymm16',
        'kmovq k5, k2; vscatterqpd [rbp + zmm21*8 + {s}]{{k5}}, zmm17',
        'kmovq k5, k4; vpscatterdd [rbp + zmm20*4 + {s}]{{k5}}, zmm1',
        'mov eax, 0xe7; xor edx, edx; xsave {a64}',
    ]
if 'avx512_vbmi2' in flags:
    KINDS += ['vpcompressb {m}{{k1}}, zmm7', 'vpcompressw {m}{{k2}}, ymm16', 'vpcompressb {m}{{k3}}, xmm2']
if 'avx512_fp16' in flags:
    KINDS += ['vmovsh {m}{{k1}}, xmm3', 'vmovw {m}, xmm16', 'vmovsh {m}{{k4}}, xmm3']
if 'movdiri' in flags:
    KINDS += ['movdiri {m}, eax', 'movdiri {m}, rbx']
if 'movdir64b' in flags:
    KINDS += ['lea rdi, {a64}; lea rsi, data[rip]+64; movdir64b rdi, [rsi]',
              'lea rdi, {a64}; lea esi, data[rip]+128; movdir64b edi, [esi]']
if 'xsaveopt' in flags:
    KINDS.append('mov eax, 7; xor edx, edx; xsaveopt {a64}')
if 'xsavec' in flags:
    KINDS.append('mov eax, 7; xor edx, edx; xsavec {a64}')


def store(kind):
    at = rng.randrange(-24, 72)
    fields = {'m': f'[rbp + {at}]', 'a': f'[rbp + {at & ~15}]', 'a64': f'[rbp + {at & ~63}]',
              'v': rng.randrange(1, 30000), 'b': rng.randrange(1, 127),
              'c': rng.randrange(1, 40), 'n': rng.randrange(-300, 300),
              'o': 4096 + at, 'oa': 4096 + (at & ~15), 's': at}
    return kind.format(**fields)


kinds = KINDS[:count] if seed == 0 else [rng.choice(KINDS) for _ in range(count)]
print('\t.intel_syntax noprefix\n\t.globl _start, place\n\t.text\n_start:\nagain:\n\tlea rbp, place[rip]')
print('\tfninit')
for code in (0x1002, 0x1001):           # ARCH_SET_FS, ARCH_SET_GS
    print(f'\tmov eax, 158\n\tmov edi, {code}\n\tlea rsi, place[rip-4096]\n\tsyscall')
print('\txor r11d, r11d')        # the flags there are those of the stepper
for i in range(7):
    print(f'\tmovups xmm{i}, data[rip]+{16 * i}')
    if 'avx2' in flags:
        print(f'\tvmovups ymm{i}, data[rip]+{32 * i}')
if 'avx512bw' in flags:
    for i, mask in enumerate((0x5a3c_f00d_1234_8ee7, 0xb5, 0xffff_ffff_ffff_ffff, 0)):
        print(f'\tmov rax, {mask}\n\tkmovq k{i + 1}, rax')
    for i in range(16, 20):
        print(f'\tvmovdqu64 zmm{i}, data[rip]+{64 + 24 * (i - 16)}')
    print('\tvpmovsxbd zmm20, places[rip]\n\tvpmovsxbq zmm21, places[rip]')
print('\tmovq mm1, data[rip]+8\n\tmovq mm2, data[rip]+32')
for number, kind in enumerate(kinds):
    for part in store(kind).split('; '):
        print('\t' + part)
    if 'mm' in kind and 'xmm' not in kind and 'ymm' not in kind:
        print('\temms')
        print('\tmovq mm1, data[rip]+8\n\tmovq mm2, data[rip]+32')
    if kind.startswith('f'):
        print('\tfninit')
    print(f'\tmov rbx, {rng.randrange(1 << 62)}\n\tmov r9, {rng.randrange(1 << 62)}')
    print('\tlea rbp, place[rip]')
    print(f'\tmov r10d, {number}\n\tlea r11, [r11 + {number}]\n\tmov ecx, {number + 3}')
print('\tdec dword ptr rounds[rip]\n\tjnz again')
print('\tmov eax, 60\n\txor edi, edi\n\tsyscall')
print('\t.data\n\t.balign 4096\n\t.skip 2048\n\t.type place, @object\nplace:\t.skip 4096')
print('\t.size place, 64\n\t.balign 64\ndata:')
for _ in range(64):
    print(f'\t.quad {rng.randrange(1 << 64)}')
print('places:\t.byte ' + ', '.join(str(rng.randrange(-8, 16)) for _ in range(16)))
print('rounds:\t.long 3')
