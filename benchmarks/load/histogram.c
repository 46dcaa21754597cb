/* Log-linear: 64 steps a power of two, so a percentile is right within 1.6 %. */
#include <string.h>

#include "load.h"

static int bucket_of(uint64_t ns)
{
    if (ns < HISTOGRAM_STEPS)
        return (int)ns;
    int shift = 63 - __builtin_clzll(ns) - 6;
    return (shift + 1) * HISTOGRAM_STEPS + (int)((ns >> shift) - HISTOGRAM_STEPS);
}

static uint64_t middle_of(int bucket)
{
    if (bucket < HISTOGRAM_STEPS)
        return (uint64_t)bucket;
    int shift = bucket / HISTOGRAM_STEPS - 1;
    uint64_t low = (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
    return low + ((1ull << shift) >> 1);
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->counts[bucket_of(ns)]++;
    histogram->total++;
    if (ns > histogram->largest)
        histogram->largest = ns;
}

uint64_t histogram_at(const struct histogram *histogram, double fraction)
{
    uint64_t wanted = (uint64_t)(fraction * (double)histogram->total);
    uint64_t seen = 0;
    for (int bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > wanted)
            return middle_of(bucket);
    }
    return histogram->largest;
}

void histogram_print(const char *name, const struct histogram *histogram)
{
    if (histogram->total == 0) {
        printf(",\"%s\":null", name);
        return;
    }
    printf(",\"%s\":{\"count\":%llu,\"p50\":%.4f,\"p90\":%.4f,\"p99\":%.4f,\"max\":%.4f}", name,
           (unsigned long long)histogram->total, (double)histogram_at(histogram, 0.50) / 1e6,
           (double)histogram_at(histogram, 0.90) / 1e6, (double)histogram_at(histogram, 0.99) / 1e6,
           (double)histogram->largest / 1e6);
}
