// Times products of square matrices in OpenBLAS, on one core.
//
//     apt-get install libopenblas-dev
//     gcc -O2 docs/peers/openblas_gemm.c -o openblas_gemm -lopenblas
//     OPENBLAS_NUM_THREADS=1 OPENBLAS_CORETYPE=SkylakeX taskset -c 1 ./openblas_gemm
//
// Prints which kernels run, and the median and the best of 15 samples. Without
// OPENBLAS_CORETYPE it takes the kernels that it thinks best for the processor.

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { samples = 15 };

extern char *openblas_get_corename(void);

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
	double d = *(const double *)a - *(const double *)b;
	return (d > 0) - (d < 0);
}

int main(void) {
	static const int sizes[] = {256, 512, 1024};
	printf("kernels: %s\n", openblas_get_corename());
	for (int s = 0; s < 3; s++) {
		int n = sizes[s];
		size_t count = (size_t)n * n;
		float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b), *c = malloc(count * sizeof *c);
		for (size_t i = 0; i < count; i++) {
			a[i] = (float)rand() / RAND_MAX - .5f;
			b[i] = (float)rand() / RAND_MAX - .5f;
		}
		double operations = 2.0 * n * n * n, rate[samples];
		int calls = 1 + (int)(2e8 / operations);
		for (int r = 0; r < samples; r++) {
			double begun = now();
			for (int i = 0; i < calls; i++)
				cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
			rate[r] = operations * calls / (now() - begun) / 1e9;
		}
		qsort(rate, samples, sizeof *rate, ascending);
		printf("%d^3: %.1f GFLOP/s, best %.1f\n", n, rate[samples / 2], rate[samples - 1]);
		free(a);
		free(b);
		free(c);
	}
}
