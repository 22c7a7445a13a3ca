//go:build !purego

#include "textflag.h"

// Each function takes n, a multiple of 8.

// func widenBFloat16AVX2(dst *float32, src *uint16, n int)
TEXT ·widenBFloat16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $8, CX
	JLT  done

loop:
	VPMOVZXWD (SI), Y0
	VPSLLD    $16, Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGE       loop

done:
	VZEROUPPER
	RET

DATA bfloatConst<>+0(SB)/8, $0x00007fff00007fff
DATA bfloatConst<>+8(SB)/8, $0x00007fff00007fff
DATA bfloatConst<>+16(SB)/8, $0x00007fff00007fff
DATA bfloatConst<>+24(SB)/8, $0x00007fff00007fff
DATA bfloatConst<>+32(SB)/8, $0x0040000000400000
DATA bfloatConst<>+40(SB)/8, $0x0040000000400000
DATA bfloatConst<>+48(SB)/8, $0x0040000000400000
DATA bfloatConst<>+56(SB)/8, $0x0040000000400000
GLOBL bfloatConst<>(SB), RODATA|NOPTR, $64

// func narrowBFloat16AVX2(dst *uint16, src *float32, n int)
TEXT ·narrowBFloat16AVX2(SB), NOSPLIT, $0-24
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPS bfloatConst<>+0(SB), Y5
	VMOVUPS bfloatConst<>+32(SB), Y6
	VPCMPEQD Y7, Y7, Y7
	VPSRLD  $31, Y7, Y7 // 1
	SUBQ    $8, CX
	JLT     done

loop:
	VMOVUPS   (SI), Y0
	VPSRLD    $16, Y0, Y1
	VPAND     Y7, Y1, Y1
	VPADDD    Y5, Y1, Y1
	VPADDD    Y1, Y0, Y1        // rounded, wrong for NaN
	VPOR      Y6, Y0, Y2        // quiet NaN
	VCMPPS    $3, Y0, Y0, Y3
	VBLENDVPS Y3, Y2, Y1, Y1
	VPSRLD    $16, Y1, Y1
	VEXTRACTF128 $1, Y1, X2
	VPACKUSDW X2, X1, X1
	VMOVUPS   X1, (DI)
	ADDQ      $32, SI
	ADDQ      $16, DI
	SUBQ      $8, CX
	JGE       loop

done:
	VZEROUPPER
	RET

// func widenFloat16AVX2(dst *float32, src *uint16, n int)
TEXT ·widenFloat16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $8, CX
	JLT  done

loop:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGE       loop

done:
	VZEROUPPER
	RET

// func narrowFloat16AVX2(dst *uint16, src *float32, n int)
TEXT ·narrowFloat16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $8, CX
	JLT  done

loop:
	VMOVUPS   (SI), Y0
	VCVTPS2PH $0, Y0, (DI)
	ADDQ      $32, SI
	ADDQ      $16, DI
	SUBQ      $8, CX
	JGE       loop

done:
	VZEROUPPER
	RET
