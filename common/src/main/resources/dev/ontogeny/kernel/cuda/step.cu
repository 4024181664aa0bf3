// What a training step and an encoder do beside their dense product, for one dictionary.
//
// n rows of a batch, F latents, R columns that the encoder reads, T columns that the decoder writes.
// Encoder and decoder lie latent by latent, [F, R] and [F, T]. Every kernel runs in blocks of THREADS.
// Sums have a fixed order, so that the same steps give the same bits; integers alone meet in atomics.
//
// The product P = X·Wᵀ comes in bf16 with sums in fp32. How far it can be from fp32's bounds which latents
// can be among those that are asked for; these are multiplied again in fp32, in place, and decide.

#ifndef THREADS
#define THREADS 256
#endif
#define WARPS (THREADS / 32)
#define FULL 0xffffffffu

// Bins of positive floats by exponent and five bits of the mantissa.
#define BINS 8192
#define BIN_SHIFT 18

// Twice what sums in fp32 may lose for each addition; tensor cores cut where others round.
#define LOST_PER_SUM 4.76837158e-7f
#define ROUNDED 1.0001f
#define TINY 1e-30f

// Numbers that change from step to step, in device memory so that a recorded step can run again.
enum Setting { CHOSEN, ADAM_FIRST, ADAM_SECOND, ADAM_EPSILON, ADAM_RATE, ADAM_ROOT, KEEP_WEIGHTS, KEEP_AVERAGE, KEEP_THRESHOLD,
               SPARSITY };

// What a step says of itself.
enum Scalar { VARIANCE, LOSS_MAIN, LOSS_FURTHER, TARGET, LOSS_AUXILIARY, FIRED, SQUARES_LATENTS, SQUARES_BIAS,
              FACTOR_MAIN, FACTOR_FURTHER, FACTOR_AUXILIARY, CLIP, DEAD_BEFORE, DEAD, THRESHOLD, ACTIVE, PRICE, LOSS_PREFIXES, LOSS_COUNT,
              LOSS_PENALTY };

// What is paid for codes: nothing, their sum, their sum times the norms of their decoders, their tanh, that they fire.
enum Penalty { FREE, SUM, SUM_BY_NORM, SATURATING, FIRING };

// How far the choice of a batch has come: bits of the last key that were decided, how many are still to be taken, the bar.
enum Pick { PREFIX, LEFT, BAR };

__device__ __forceinline__ float warp_sum(float value) {
  for (int apart = 16; apart > 0; apart >>= 1) value += __shfl_xor_sync(FULL, value, apart);
  return value;
}

// Of all threads of a block, to each of them.
__device__ double block_sum(double value) {
  __shared__ double sums[THREADS];
  __syncthreads();
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = THREADS / 2; half > 0; half >>= 1) {
    if ((int)threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

// How many of a block's threads up to this one take a place; of all the last of `places` tells.
__device__ int place(int takes, int* places) {
  int t = threadIdx.x;
  __syncthreads();
  places[t] = takes;
  __syncthreads();
  for (int apart = 1; apart < THREADS; apart <<= 1) {
    int before = t >= apart ? places[t - apart] : 0;
    __syncthreads();
    places[t] += before;
    __syncthreads();
  }
  return places[t];
}

__device__ __forceinline__ unsigned short to_bf16(float value) {
  unsigned bits = __float_as_uint(value);
  return (unsigned short)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

__device__ __forceinline__ float from_bf16(unsigned short value) { return __uint_as_float((unsigned)value << 16); }

// Rounds a row to bf16 and tells its length and that of what the rounding takes away, a little too long.
__device__ void round_row(const float* row, int columns, unsigned short* rounded, int stride, float* length, float* loss) {
  double squares = 0, lost = 0;
  for (int c = threadIdx.x; c < stride; c += THREADS) {
    float value = c < columns ? row[c] : 0.0f;
    unsigned short narrow = to_bf16(value);
    double gone = (double)value - from_bf16(narrow);
    rounded[c] = narrow;
    squares += (double)value * value;
    lost += gone * gone;
  }
  squares = block_sum(squares);
  lost = block_sum(lost);
  if (threadIdx.x == 0) {
    *length = (float)sqrt(squares) * ROUNDED;
    *loss = (float)sqrt(lost) * ROUNDED;
  }
}

// x̃ − b_dec of each row, [n, D], and of its first R columns that in bf16, [n, stride]. A block a row.
extern "C" __global__ void centre(const float* batch, const float* mean, const float* scale, const float* bias, int columns,
                                  int read, float* centred, unsigned short* rounded, int stride, float* lengths, float* losses) {
  long row = blockIdx.x;
  float* to = centred + row * columns;
  for (int c = threadIdx.x; c < columns; c += THREADS) to[c] = (batch[row * columns + c] - mean[c]) * scale[c] - bias[c];
  __syncthreads();
  round_row(to, read, rounded + row * stride, stride, lengths + row, losses + row);
}

// The encoder in bf16, [F, stride]. A block a latent.
extern "C" __global__ void round_encoder(const float* encoder, int read, unsigned short* rounded, int stride, float* lengths,
                                         float* losses) {
  long latent = blockIdx.x;
  round_row(encoder + latent * read, read, rounded + latent * stride, stride, lengths + latent, losses + latent);
}

// How far the rounded product of a row and a latent, and its bias, may be from fp32's.
struct Slack {
  float of_length, of_loss;
  __device__ Slack(float length, float loss, int read) {
    of_length = loss + (read + 8) * LOST_PER_SUM * length;
    of_loss = length + loss;
  }
  __device__ __forceinline__ float of(float length, float loss, float bias) const {
    return (of_length * length + of_loss * loss) * ROUNDED + fabsf(bias) * LOST_PER_SUM + TINY;
  }
};

// How many rows the next word that marks any names, and which: the block's threads meet here. 0 where no word is left.
__device__ int rows_of_next_word(const unsigned* marks, int words, int* next, int* some, int* rows) {
  if (threadIdx.x == 0) {
    *some = 0;
    while (*next < words && *some == 0) {
      unsigned word = marks[*next];
      for (; word != 0; word &= word - 1) rows[(*some)++] = *next * 32 + __ffs((int)word) - 1;
      (*next)++;
    }
  }
  __syncthreads();
  return *some;
}

// The product of a row and a latent in fp32, by a warp.
__device__ __forceinline__ float exact(const float* row, const float* latent, int read) {
  float sum = 0;
  for (int c = threadIdx.x & 31; c < read; c += 32) sum += row[c] * latent[c];
  return warp_sum(sum);
}

// The lower edge of the bin that has the k-th largest; 0 where there are fewer. By all threads of a block.
__device__ void bin_bar(const unsigned* bins, unsigned* tops, unsigned k, float* bar) {
  int t = threadIdx.x;
  unsigned sum = 0;
  for (int b = 0; b < BINS / THREADS; b++) sum += bins[t * (BINS / THREADS) + b];
  tops[t] = sum;
  __syncthreads();
  if (t == 0) {
    unsigned above = 0;
    int part = THREADS - 1;
    while (part >= 0 && above + tops[part] < k) above += tops[part--];
    *bar = 0;
    if (part >= 0) {
      int bin = (part + 1) * (BINS / THREADS) - 1;
      while (above + bins[bin] < k) above += bins[bin--];
      *bar = __uint_as_float((unsigned)bin << BIN_SHIFT);
    }
  }
  __syncthreads();
}

// Brings what was chosen of a row into ascending order, with its values and its marks. `list` is room. By all threads of a block.
__device__ void put_in_order(int count, long row, int most, int* list, const float* products, const float* bias, int* ids,
                             float* values, int* counts, unsigned* marks, int words) {
  int t = threadIdx.x;
  for (int j = t; j < count; j += THREADS) list[j] = ids[row * most + j];
  __syncthreads();
  for (int j = t; j < count; j += THREADS) {
    int f = list[j];
    int rank = 0;
    for (int other = 0; other < count; other++) rank += list[other] < f;
    ids[row * most + rank] = f;
    values[row * most + rank] = products[f] + bias[f];
    if (marks != nullptr) atomicOr(&marks[(long)f * words + row / 32], 1u << (row % 32));
  }
  if (t == 0) counts[row] = count;
}

// Whether a candidate whose key is the last one that is chosen has as many before it as may be: of equal ones the lower latent.
__device__ bool too_late(int f, unsigned last, unsigned of_last, const int* list, int count, const float* products,
                         const float* bias, const float* norms) {
  unsigned before = 0;
  for (int other = 0; other < count; other++) {
    int g = list[other];
    float score = (products[g] + bias[g]) * (norms == nullptr ? 1.0f : norms[g]);
    before += g < f && __float_as_uint(score) == last;
  }
  return before >= of_last;
}

// The k largest positive pre-activations of each row among those that are eligible (null: all): ids ascending,
// values, how many. Of equal ones the lower latent comes first. A block a row.
//
// One pass counts lower ends by bins, so that the k-th of them is known to a 32nd; one collects what can reach it.
//
// product: [n, F]; exact where a latent was looked at. candidates: [n, F], room. marks: a bit for each row, by latent.
extern "C" __global__ void select_largest(float* product, int width, const float* centred, int columns, int read,
                                          const float* encoder, const float* bias, const float* row_lengths,
                                          const float* row_losses, const float* lengths, const float* losses,
                                          const float* settings, int fixed, const unsigned char* eligible,
                                          const double* needed, int* candidates, int most, int* ids, float* values,
                                          int* counts, unsigned* marks, int words) {
  __shared__ unsigned bins[BINS];
  __shared__ unsigned tops[THREADS];
  __shared__ float bar;
  __shared__ unsigned found, prefix, left;
  long row = blockIdx.x;
  int t = threadIdx.x;
  if (needed != nullptr && *needed == 0) {
    if (t == 0) counts[row] = 0;
    return;
  }
  int k = fixed > 0 ? fixed : (int)settings[CHOSEN];
  float* products = product + row * width;
  int* list = candidates + row * width;
  const float* x = centred + row * columns;
  Slack slack(row_lengths[row], row_losses[row], read);

  for (int b = t; b < BINS; b += THREADS) bins[b] = 0;
  if (t == 0) found = 0;
  __syncthreads();
  for (int f = t; f < width; f += THREADS) {
    if (eligible != nullptr && !eligible[f]) continue;
    float low = products[f] + bias[f] - slack.of(lengths[f], losses[f], bias[f]);
    if (low > 0) atomicAdd(&bins[__float_as_uint(low) >> BIN_SHIFT], 1u);
  }
  __syncthreads();
  bin_bar(bins, tops, (unsigned)k, &bar);
  for (int f = t; f < width; f += THREADS) {
    if (eligible != nullptr && !eligible[f]) continue;
    float high = products[f] + bias[f] + slack.of(lengths[f], losses[f], bias[f]);
    if (high > 0 && high >= bar) list[atomicAdd(&found, 1u)] = f;
  }
  __syncthreads();
  int count = (int)found;
  for (int j = t / 32; j < count; j += WARPS) {
    float value = exact(x, encoder + (long)list[j] * read, read);
    if ((t & 31) == 0) products[list[j]] = value;
  }
  __syncthreads();

  // The k-th largest of the candidates, byte by byte from the top; 0 where there are fewer.
  if (t == 0) {
    prefix = 0;
    left = (unsigned)k;
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int b = t; b < 256; b += THREADS) bins[b] = 0;
    __syncthreads();
    unsigned so_far = prefix;
    for (int j = t; j < count; j += THREADS) {
      float value = products[list[j]] + bias[list[j]];
      unsigned bits = __float_as_uint(value);
      bool same = shift == 24 || (bits >> (shift + 8)) == (so_far >> (shift + 8));
      if (value > 0 && same) atomicAdd(&bins[(bits >> shift) & 255u], 1u);
    }
    __syncthreads();
    if (t == 0) {
      int b = 255;
      while (b > 0 && bins[b] < left) left -= bins[b--];
      prefix = so_far | ((unsigned)b << shift);
    }
    __syncthreads();
  }
  unsigned last = prefix;
  unsigned of_last = left;
  if (t == 0) found = 0;
  __syncthreads();
  for (int j = t; j < count; j += THREADS) {
    int f = list[j];
    float value = products[f] + bias[f];
    unsigned bits = __float_as_uint(value);
    if (!(value > 0) || bits < last) continue;
    if (bits == last && too_late(f, last, of_last, list, count, products, bias, nullptr)) continue;
    ids[row * most + atomicAdd(&found, 1u)] = f;
  }
  __syncthreads();
  put_in_order((int)found, row, most, list, products, bias, ids, values, counts, marks, words);
}

// The choice of a batch: the k·n largest positive pre-activations of all its rows, times the norms of their decoders (null: 1). Of
// equal ones the lower row comes first, then the lower latent. First lower ends by bins, as for a row. A block a row.
extern "C" __global__ void batch_bins(const float* product, int width, int read, const float* bias, const float* row_lengths,
                                      const float* row_losses, const float* lengths, const float* losses, const float* norms,
                                      unsigned* all) {
  __shared__ unsigned bins[BINS];
  long row = blockIdx.x;
  Slack slack(row_lengths[row], row_losses[row], read);
  for (int b = threadIdx.x; b < BINS; b += THREADS) bins[b] = 0;
  __syncthreads();
  for (int f = threadIdx.x; f < width; f += THREADS) {
    float low = product[row * width + f] + bias[f] - slack.of(lengths[f], losses[f], bias[f]);
    if (norms != nullptr) low *= norms[f];
    if (low > 0) atomicAdd(&bins[__float_as_uint(low) >> BIN_SHIFT], 1u);
  }
  __syncthreads();
  for (int b = threadIdx.x; b < BINS; b += THREADS)
    if (bins[b] != 0) atomicAdd(&all[b], bins[b]);
}

// One block.
extern "C" __global__ void batch_bar(const unsigned* all, const float* settings, int rows, unsigned* pick) {
  __shared__ unsigned tops[THREADS];
  __shared__ float bar;
  unsigned budget = (unsigned)settings[CHOSEN] * (unsigned)rows;
  bin_bar(all, tops, budget, &bar);
  if (threadIdx.x == 0) {
    pick[PREFIX] = 0;
    pick[LEFT] = budget;
    pick[BAR] = __float_as_uint(bar);
  }
}

// Latents that can reach the bar, exact. A block a row.
extern "C" __global__ void batch_candidates(float* product, int width, const float* centred, int columns, int read,
                                            const float* encoder, const float* bias, const float* row_lengths,
                                            const float* row_losses, const float* lengths, const float* losses,
                                            const float* norms, const unsigned* pick, int* candidates, int* counts) {
  __shared__ unsigned found;
  long row = blockIdx.x;
  int t = threadIdx.x;
  float* products = product + row * width;
  int* list = candidates + row * width;
  float bar = __uint_as_float(pick[BAR]);
  Slack slack(row_lengths[row], row_losses[row], read);
  if (t == 0) found = 0;
  __syncthreads();
  for (int f = t; f < width; f += THREADS) {
    float high = products[f] + bias[f] + slack.of(lengths[f], losses[f], bias[f]);
    if (norms != nullptr) high *= norms[f];
    if (high > 0 && high >= bar) list[atomicAdd(&found, 1u)] = f;
  }
  __syncthreads();
  int count = (int)found;
  for (int j = t / 32; j < count; j += WARPS) {
    float value = exact(centred + row * columns, encoder + (long)list[j] * read, read);
    if ((t & 31) == 0) products[list[j]] = value;
  }
  if (t == 0) counts[row] = count;
}

// How many candidates have which next byte of their key, of those whose bytes so far are the ones that were decided. A block a row.
extern "C" __global__ void batch_digits(const float* product, int width, const float* bias, const float* norms,
                                        const int* candidates, const int* counts, int shift, const unsigned* pick, unsigned* all) {
  __shared__ unsigned bins[256];
  long row = blockIdx.x;
  for (int b = threadIdx.x; b < 256; b += THREADS) bins[b] = 0;
  __syncthreads();
  for (int j = threadIdx.x; j < counts[row]; j += THREADS) {
    int f = candidates[row * width + j];
    float score = product[row * width + f] + bias[f];
    if (norms != nullptr) score *= norms[f];
    unsigned bits = __float_as_uint(score);
    bool same = shift == 24 || (bits >> (shift + 8)) == (pick[PREFIX] >> (shift + 8));
    if (score > 0 && same) atomicAdd(&bins[(bits >> shift) & 255u], 1u);
  }
  __syncthreads();
  for (int b = threadIdx.x; b < 256; b += THREADS)
    if (bins[b] != 0) atomicAdd(&all[b], bins[b]);
}

// Decides the next byte, and clears the bins. One block.
extern "C" __global__ void batch_digit(int shift, unsigned* all, unsigned* pick) {
  if (threadIdx.x == 0) {
    int b = 255;
    while (b > 0 && all[b] < pick[LEFT]) pick[LEFT] -= all[b--];
    pick[PREFIX] |= (unsigned)b << shift;
  }
  __syncthreads();
  for (int b = threadIdx.x; b < 256; b += THREADS) all[b] = 0;
}

// How many candidates of a row have the last key. A block a row.
extern "C" __global__ void batch_ties(const float* product, int width, const float* bias, const float* norms, const int* candidates,
                                      const int* counts, const unsigned* pick, int* ties) {
  __shared__ unsigned found;
  long row = blockIdx.x;
  if (threadIdx.x == 0) found = 0;
  __syncthreads();
  for (int j = threadIdx.x; j < counts[row]; j += THREADS) {
    int f = candidates[row * width + j];
    float score = product[row * width + f] + bias[f];
    if (norms != nullptr) score *= norms[f];
    if (score > 0 && __float_as_uint(score) == pick[PREFIX]) atomicAdd(&found, 1u);
  }
  __syncthreads();
  if (threadIdx.x == 0) ties[row] = (int)found;
}

// How many of these may be taken, rows in their order. One thread of one block.
extern "C" __global__ void batch_shares(int rows, const unsigned* pick, int* ties) {
  if (threadIdx.x != 0) return;
  int left = (int)pick[LEFT];
  for (int row = 0; row < rows; row++) {
    if (ties[row] > left) ties[row] = left;
    left -= ties[row];
  }
}

// What is chosen of a row, and the smallest score of it, infinite for none. A block a row.
extern "C" __global__ void batch_take(const float* product, int width, const float* bias, const float* norms, int* candidates,
                                      const unsigned* pick, const int* ties, int most, int* ids, float* values, int* counts,
                                      unsigned* marks, int words, float* smallest) {
  __shared__ unsigned found, least;
  long row = blockIdx.x;
  int t = threadIdx.x;
  const float* products = product + row * width;
  int* list = candidates + row * width;
  int count = counts[row];
  unsigned last = pick[PREFIX];
  if (t == 0) {
    found = 0;
    least = 0x7f800000u;
  }
  __syncthreads();
  for (int j = t; j < count; j += THREADS) {
    int f = list[j];
    float score = products[f] + bias[f];
    if (norms != nullptr) score *= norms[f];
    unsigned bits = __float_as_uint(score);
    if (!(score > 0) || bits < last) continue;
    if (bits == last && too_late(f, last, (unsigned)ties[row], list, count, products, bias, norms)) continue;
    ids[row * most + atomicAdd(&found, 1u)] = f;
    atomicMin(&least, bits);
  }
  __syncthreads();
  if (t == 0) smallest[row] = __uint_as_float(least);
  put_in_order((int)found, row, most, list, products, bias, ids, values, counts, marks, words);
}

// Takes the smallest score of a batch into its running mean. One block.
extern "C" __global__ void running_threshold(const float* smallest, int rows, const float* settings, double* scalars) {
  __shared__ unsigned least;
  if (threadIdx.x == 0) least = 0x7f800000u;
  __syncthreads();
  for (int row = threadIdx.x; row < rows; row += THREADS) atomicMin(&least, __float_as_uint(smallest[row]));
  __syncthreads();
  if (threadIdx.x == 0) {
    float score = least == 0x7f800000u ? 0.0f : __uint_as_float(least);
    double keep = settings[KEEP_THRESHOLD];
    scalars[THRESHOLD] = (float)(keep * scalars[THRESHOLD] + (1 - keep) * score);
  }
}

// ‖d‖ of every latent: of each source, whose columns end at ends[s], summed. A block a latent.
extern "C" __global__ void decoder_norms(const float* decoder, int written, const int* ends, int sources, float* norms) {
  long latent = blockIdx.x;
  double norm = 0;
  for (int s = 0; s < sources; s++) {
    double squares = 0;
    for (int c = (s == 0 ? 0 : ends[s - 1]) + threadIdx.x; c < ends[s]; c += THREADS)
      squares += (double)decoder[latent * written + c] * decoder[latent * written + c];
    norm += sqrt(block_sum(squares));
  }
  if (threadIdx.x == 0) norms[latent] = (float)norm;
}

// Pre-activations above the bar of their latent, exact, others 0, in place; how many of a row. A block a row.
extern "C" __global__ void select_above(float* product, int width, const float* centred, int columns, int read,
                                        const float* encoder, const float* bias, const float* row_lengths,
                                        const float* row_losses, const float* lengths, const float* losses, const float* bars,
                                        int* candidates, int* counts) {
  __shared__ unsigned found, firing;
  long row = blockIdx.x;
  int t = threadIdx.x;
  float* products = product + row * width;
  int* list = candidates + row * width;
  Slack slack(row_lengths[row], row_losses[row], read);
  if (t == 0) found = firing = 0;
  __syncthreads();
  for (int f = t; f < width; f += THREADS) {
    bool can = products[f] + bias[f] + slack.of(lengths[f], losses[f], bias[f]) > bars[f];
    if (can) list[atomicAdd(&found, 1u)] = f;
    else products[f] = 0;
  }
  __syncthreads();
  int count = (int)found;
  for (int j = t / 32; j < count; j += WARPS) {
    int f = list[j];
    float value = exact(centred + row * columns, encoder + (long)f * read, read) + bias[f];
    if ((t & 31) == 0) {
      products[f] = value > bars[f] ? value : 0.0f;
      if (value > bars[f] && value != 0) atomicAdd(&firing, 1u);
    }
  }
  __syncthreads();
  if (t == 0) counts[row] = (int)firing;
}

// ‖d^s‖ of every latent and source, [S, F]. A block a latent.
extern "C" __global__ void source_norms(const float* decoder, int written, const int* ends, int sources, int width, float* norms) {
  long latent = blockIdx.x;
  for (int s = 0; s < sources; s++) {
    double squares = 0;
    for (int c = (s == 0 ? 0 : ends[s - 1]) + threadIdx.x; c < ends[s]; c += THREADS)
      squares += (double)decoder[latent * written + c] * decoder[latent * written + c];
    squares = block_sum(squares);
    if (threadIdx.x == 0) norms[(long)s * width + latent] = (float)sqrt(squares);
  }
}

// θ from log θ; what a pre-activation has to exceed to count, by source where norms are given, [S, F], the lowest of these, and
// from where on it matters to θ by the rectangle. As many threads as latents.
extern "C" __global__ void threshold_bars(const float* logarithms, const float* norms, int parts, double bandwidth, int width,
                                          float* thresholds, float* bars, float* firing, float* bounds) {
  int f = blockIdx.x * THREADS + threadIdx.x;
  if (f >= width) return;
  float threshold = (float)exp((double)logarithms[f]);
  double low = threshold - bandwidth / 2 > 0 ? threshold - bandwidth / 2 : 0;
  float lowest = __uint_as_float(0x7f800000u), bound = lowest;
  for (int p = 0; p < parts; p++) {
    double scale = norms == nullptr ? 1.0 : (double)norms[(long)p * width + f];
    float bar = scale > 0 ? (float)(threshold / scale) : __uint_as_float(0x7f800000u);
    // Rounding must not keep out what matters.
    float from = scale > 0 ? (float)(low / scale * (1 - 1e-6)) : __uint_as_float(0x7f800000u);
    bars[(long)p * width + f] = bar;
    if (bar < lowest) lowest = bar;
    if (from < bound) bound = from;
  }
  thresholds[f] = threshold;
  firing[f] = lowest;
  bounds[f] = bound;
}

// Pre-activations above the bounds of their latents: ids ascending, values, how many, and how many of them fire. A block a row.
extern "C" __global__ void select_entries(float* product, int width, const float* centred, int columns, int read,
                                          const float* encoder, const float* bias, const float* row_lengths,
                                          const float* row_losses, const float* lengths, const float* losses, const float* bounds,
                                          const float* firing, int* candidates, int most, int* ids, float* values, int* counts,
                                          unsigned* marks, int words, double* fires) {
  __shared__ int places[THREADS];
  __shared__ unsigned fired;
  long row = blockIdx.x;
  int t = threadIdx.x;
  float* products = product + row * width;
  int* list = candidates + row * width;
  Slack slack(row_lengths[row], row_losses[row], read);
  if (t == 0) fired = 0;
  int count = 0;
  for (int first = 0; first < width; first += THREADS) {
    int f = first + t;
    int can = f < width && products[f] + bias[f] + slack.of(lengths[f], losses[f], bias[f]) > bounds[f];
    int at = place(can, places);
    if (can) list[count + at - 1] = f;
    count += places[THREADS - 1];
  }
  __syncthreads();
  for (int j = t / 32; j < count; j += WARPS) {
    float value = exact(centred + row * columns, encoder + (long)list[j] * read, read);
    if ((t & 31) == 0) products[list[j]] = value;
  }
  __syncthreads();
  int taken = 0;
  for (int first = 0; first < count; first += THREADS) {
    int j = first + t;
    int f = j < count ? list[j] : 0;
    float value = products[f] + bias[f];
    int takes = j < count && value > bounds[f];
    int at = taken + place(takes, places) - 1;
    if (takes) {
      ids[row * most + at] = f;
      values[row * most + at] = value;
      atomicOr(&marks[(long)f * words + row / 32], 1u << (row % 32));
      if (value > firing[f]) atomicAdd(&fired, 1u);
    }
    taken += places[THREADS - 1];
  }
  __syncthreads();
  if (t == 0) {
    counts[row] = taken;
    fires[row] = fired;
  }
}

// What is not 0 of each row, ids ascending, from starts[row] on. A block a row.
extern "C" __global__ void compact(const float* dense, int width, const int* starts, int* ids, float* values) {
  __shared__ int places[THREADS];
  __shared__ int at;
  long row = blockIdx.x;
  int t = threadIdx.x;
  if (t == 0) at = starts[row];
  for (int first = 0; first < width; first += THREADS) {
    int f = first + t;
    float value = f < width ? dense[row * width + f] : 0.0f;
    place(value != 0, places);
    if (value != 0) {
      ids[at + places[t] - 1] = f;
      values[at + places[t] - 1] = value;
    }
    __syncthreads();
    if (t == 0) at += places[THREADS - 1];
  }
}

// target − code·W_dec of each row, times the columns' weights (null: 1), and its square, weighed once. A block a row.
extern "C" __global__ void residual(const float* target, int target_stride, int columns, const int* ids, const float* values,
                                    const int* counts, int most, const float* decoder, const float* weights, float* left,
                                    double* squares, double* weighed_squares) {
  long row = blockIdx.x;
  double sum = 0, weighed_sum = 0;
  int count = counts[row];
  for (int c = threadIdx.x; c < columns; c += THREADS) {
    float value = target[row * target_stride + c];
    for (int j = 0; j < count; j++) value -= values[row * most + j] * decoder[(long)ids[row * most + j] * columns + c];
    float weighed = weights == nullptr ? value : value * weights[c];
    left[row * columns + c] = weighed;
    sum += (double)value * weighed;
    weighed_sum += (double)weighed * weighed;
  }
  sum = block_sum(sum);
  weighed_sum = block_sum(weighed_sum);
  if (threadIdx.x == 0) {
    squares[row] = sum;
    if (weighed_squares != nullptr) weighed_squares[row] = weighed_sum;
  }
}

// As `residual`, of codes that count at a source where they are above its bar, [S, F] (source_of null: [1, F]), and of each prefix of
// the latents. planes (null: the whole code alone): of prefix m the residuals of it and of all longer ones, times their weights, summed,
// [M, plane]; prefix_losses: Σ over prefixes of their squares times their weights. A block a row.
extern "C" __global__ void residual_parts(const float* target, int target_stride, int columns, const int* ids, const float* values,
                                          const int* counts, int most, const float* decoder, const float* weights,
                                          const float* bars, const int* source_of, int width, const int* ends,
                                          const float* prefix_weights, int prefixes, float* left, float* planes, long long plane,
                                          double* squares, double* weighed_squares, double* prefix_losses) {
  long row = blockIdx.x;
  double sum = 0, weighed_sum = 0, prefix_sum = 0;
  int count = counts[row];
  for (int c = threadIdx.x; c < columns; c += THREADS) {
    const float* bar = bars + (source_of == nullptr ? 0 : (long)source_of[c] * width);
    float value = target[row * target_stride + c];
    float weighed = 0;
    int j = 0;
    for (int m = 0; m < prefixes; m++) {
      for (; j < count && ids[row * most + j] < ends[m]; j++) {
        int f = ids[row * most + j];
        if (values[row * most + j] > bar[f]) value -= values[row * most + j] * decoder[(long)f * columns + c];
      }
      weighed = weights == nullptr ? value : value * weights[c];
      if (planes != nullptr) {
        planes[m * plane + row * columns + c] = prefix_weights[m] * weighed;
        prefix_sum += (double)prefix_weights[m] * value * weighed;
      }
    }
    for (int m = prefixes - 2; planes != nullptr && m >= 0; m--)
      planes[m * plane + row * columns + c] += planes[(m + 1) * plane + row * columns + c];
    left[row * columns + c] = weighed;
    sum += (double)value * weighed;
    weighed_sum += (double)weighed * weighed;
  }
  sum = block_sum(sum);
  weighed_sum = block_sum(weighed_sum);
  prefix_sum = block_sum(prefix_sum);
  if (threadIdx.x == 0) {
    squares[row] = sum;
    weighed_squares[row] = weighed_sum;
    if (prefix_losses != nullptr) prefix_losses[row] = prefix_sum;
  }
}

// Reconstructions in captured units, from rows of codes. A block a row; bars (null: none) by source, [S, F].
extern "C" __global__ void decode(const int* starts, const int* ids, const float* values, const float* decoder, const float* bias,
                                  const float* scale, const float* mean, const float* bars, const int* source_of, int width,
                                  int columns, float* out) {
  long row = blockIdx.x;
  for (int c = threadIdx.x; c < columns; c += THREADS) {
    const float* bar = bars == nullptr ? nullptr : bars + (long)source_of[c] * width;
    float sum = bias[c];
    for (int j = starts[row]; j < starts[row + 1]; j++)
      if (bar == nullptr || values[j] > bar[ids[j]]) sum += values[j] * decoder[(long)ids[j] * columns + c];
    out[row * columns + c] = sum / scale[c] + mean[c];
  }
}

// Sums of 32 columns over the rows, and of their squares. A block 32 columns.
extern "C" __global__ void column_sums(const float* matrix, int stride, int columns, int rows, double* sums, double* squares) {
  __shared__ double part[THREADS], part_squares[THREADS];
  int t = threadIdx.x;
  int c = blockIdx.x * 32 + t % 32;
  double sum = 0, square = 0;
  for (int row = t / 32; row < rows && c < columns; row += WARPS) {
    double value = matrix[(long)row * stride + c];
    sum += value;
    square += value * value;
  }
  part[t] = sum;
  part_squares[t] = square;
  __syncthreads();
  if (t < 32 && c < columns) {
    sum = square = 0;
    for (int w = 0; w < WARPS; w++) {
      sum += part[w * 32 + t];
      square += part_squares[w * 32 + t];
    }
    sums[c] = sum;
    if (squares != nullptr) squares[c] = square;
  }
}

// Σ‖x̃ − mean‖² from sums and squares of columns. One block.
extern "C" __global__ void variance(const double* sums, const double* squares, const float* weights, int columns, int rows,
                                    double* scalars) {
  double sum = 0;
  for (int c = threadIdx.x; c < columns; c += THREADS)
    sum += (weights == nullptr ? 1.0 : (double)weights[c]) * (squares[c] - sums[c] * sums[c] / rows);
  sum = block_sum(sum);
  if (threadIdx.x == 0) scalars[VARIANCE] = sum > 2.2250738585072014e-308 ? sum : 2.2250738585072014e-308;
}

// One block.
extern "C" __global__ void sum_of(const double* values, int count, double* into) {
  double sum = 0;
  for (int i = threadIdx.x; i < count; i += THREADS) sum += values[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *into = sum;
}

// What residuals are multiplied by to be gradients of a decoded vector. One thread of one block.
extern "C" __global__ void factors(double further, double auxiliary, int auxiliary_k, double* scalars) {
  if (threadIdx.x != 0) return;
  double dead = scalars[DEAD];
  scalars[DEAD_BEFORE] = dead;
  scalars[FACTOR_MAIN] = -2 / scalars[VARIANCE];
  scalars[FACTOR_FURTHER] = -2 * further / scalars[VARIANCE];
  double share = auxiliary_k > 0 ? dead / auxiliary_k : 0;
  double weight = auxiliary * (share < 1 ? share : 1);
  scalars[FACTOR_AUXILIARY] = scalars[TARGET] > 0 ? -2 * weight / scalars[TARGET] : 0;
}

// Adds what a code and its residual say to the gradients of its latents, rows in their order. A block a latent.
extern "C" __global__ void gather_gradients(const unsigned* marks, int words, const float* product, int width,
                                            const float* bias, const float* left, int written, const float* centred,
                                            int columns, int read, const float* decoder, const double* factor, int add,
                                            float* encoder_gradient, float* decoder_gradient, float* bias_gradient) {
  __shared__ int rows[32];
  __shared__ float codes[32], slopes[32];
  __shared__ int some, next;
  long latent = blockIdx.x;
  int t = threadIdx.x;
  int lane = t & 31;
  float* of_encoder = encoder_gradient + latent * read;
  float* of_decoder = decoder_gradient + latent * written;
  float by = (float)*factor;
  if (!add) {
    for (int c = t; c < read; c += THREADS) of_encoder[c] = 0;
    for (int c = t; c < written; c += THREADS) of_decoder[c] = 0;
    if (t == 0) bias_gradient[latent] = 0;
  }
  if (t == 0) next = 0;
  __syncthreads();
  while (true) {
    int count = rows_of_next_word(marks + latent * words, words, &next, &some, rows);
    if (count == 0) break;
    for (int j = t / 32; j < count; j += WARPS) {
      long row = rows[j];
      // Products of what was chosen are exact.
      float code = product[row * width + latent] + bias[latent];
      float slope = 0;
      for (int c = lane; c < written; c += 32) slope += left[row * written + c] * decoder[latent * written + c];
      slope = warp_sum(slope) * by;
      if (lane == 0) {
        codes[j] = code * by;
        slopes[j] = slope;
      }
    }
    __syncthreads();
    for (int c = t; c < written; c += THREADS) {
      float sum = of_decoder[c];
      for (int j = 0; j < count; j++) sum += codes[j] * left[(long)rows[j] * written + c];
      of_decoder[c] = sum;
    }
    for (int c = t; c < read; c += THREADS) {
      float sum = of_encoder[c];
      for (int j = 0; j < count; j++) sum += slopes[j] * centred[(long)rows[j] * columns + c];
      of_encoder[c] = sum;
    }
    if (t == 0) {
      float sum = bias_gradient[latent];
      for (int j = 0; j < count; j++) sum += slopes[j];
      bias_gradient[latent] = sum;
    }
    __syncthreads();
  }
}

// What a penalty costs: for each unit of its own sum, or, where a number of latents is aimed at (0: none is), for each firing. One
// thread of one block.
extern "C" __global__ void price(double coefficient, double target, int rows, const float* settings, double* scalars) {
  if (threadIdx.x != 0) return;
  double share = settings[SPARSITY] * coefficient;
  double excess = target > 0 ? scalars[ACTIVE] / rows / target - 1 : 0;
  scalars[PRICE] = target > 0 ? share * 2 * excess / target / rows : share / scalars[VARIANCE];
  scalars[LOSS_COUNT] = share * excess * excess;
}

// As `gather_gradients`, of what `residual_parts` left over, with what the penalty says, and with the gradient of log θ where thresholds
// are learnt. Entries that are only near their threshold lose their marks: they did not fire. A block a latent.
extern "C" __global__ void gather_parts(unsigned* marks, int words, int batch_rows, const float* product, int width,
                                        const float* bias, const float* planes, long long plane, const int* prefix_ends,
                                        int prefixes, int written, const float* centred, int columns, int read,
                                        const float* decoder, const int* source_of, const int* ends, int sources,
                                        const float* norms, const float* bars, const float* thresholds, double bandwidth,
                                        int penalty, int counted_alone, double steep, double square, const double* scalars,
                                        float* encoder_gradient, float* decoder_gradient, float* bias_gradient,
                                        float* threshold_gradient, double* losses) {
  __shared__ int rows[32];
  __shared__ float codes[32], slopes[32];
  __shared__ double of_thresholds[32];
  __shared__ int fire[32];
  __shared__ int some, next;
  long latent = blockIdx.x;
  int t = threadIdx.x;
  int lane = t & 31;
  bool gated = source_of != nullptr;
  int parts = gated ? sources : 1;
  float* of_encoder = encoder_gradient + latent * read;
  float* of_decoder = decoder_gradient + latent * written;
  float own_bias = bias[latent];
  double by = scalars[FACTOR_MAIN];
  double weight = penalty == FREE ? 0 : scalars[PRICE];
  float threshold = thresholds == nullptr ? 0.0f : thresholds[latent];
  int m = 0;
  while (m < prefixes - 1 && latent >= prefix_ends[m]) m++;
  const float* left = planes + m * plane;
  double whole_norm = 1;
  if (penalty == SUM_BY_NORM || penalty == SATURATING) {
    whole_norm = 0;
    for (int s = 0; s < sources; s++) whole_norm += norms[(long)s * width + latent];
  }

  // What the penalty has of all rows.
  double sum = 0;
  for (int p = 0; penalty != FREE && p < parts; p++) {
    float bar = bars[(long)p * width + latent];
    double norm = gated ? (double)norms[(long)p * width + latent] : whole_norm;
    for (int w = t; w < words; w += THREADS)
      for (unsigned word = marks[latent * words + w]; word != 0; word &= word - 1) {
        float value = product[(w * 32L + __ffs((int)word) - 1) * width + latent] + own_bias;
        if (value > bar) sum += penalty == SATURATING ? tanh(steep * value * norm) : penalty == FIRING ? 1.0 : (double)value;
      }
  }
  sum = block_sum(sum);
  double mean = sum / ((double)batch_rows * parts);
  double outer = weight * steep * (1 + 2 * mean / square);
  if (t == 0)
    losses[latent] = penalty == SATURATING ? weight * sum * (1 + mean / square) : counted_alone ? 0 : weight * sum * whole_norm;

  for (int c = t; c < read; c += THREADS) of_encoder[c] = 0;
  for (int c = t; c < written; c += THREADS) of_decoder[c] = 0;
  // What norms get.
  for (int p = 0; (penalty == SUM_BY_NORM || penalty == SATURATING) && p < parts; p++) {
    float bar = bars[(long)p * width + latent];
    double norm = gated ? (double)norms[(long)p * width + latent] : whole_norm;
    double of_norm = 0;
    for (int w = t; w < words; w += THREADS)
      for (unsigned word = marks[latent * words + w]; word != 0; word &= word - 1) {
        float value = product[(w * 32L + __ffs((int)word) - 1) * width + latent] + own_bias;
        if (!(value > bar)) continue;
        double bent = penalty == SATURATING ? tanh(steep * value * norm) : 0;
        of_norm += penalty == SATURATING ? outer * (1 - bent * bent) * value : weight * value;
      }
    of_norm = block_sum(of_norm);
    for (int s = gated ? p : 0; s < (gated ? p + 1 : sources); s++) {
      double length = norms[(long)s * width + latent];
      if (length > 0)
        for (int c = (s == 0 ? 0 : ends[s - 1]) + t; c < ends[s]; c += THREADS)
          of_decoder[c] = (float)(of_norm * decoder[latent * written + c] / length);
    }
  }
  float of_bias = 0;
  double of_threshold = 0;
  if (t == 0) next = 0;
  __syncthreads();
  while (true) {
    int count = rows_of_next_word(marks + latent * words, words, &next, &some, rows);
    if (count == 0) break;
    for (int j = t / 32; j < count; j += WARPS) {
      long row = rows[j];
      float value = product[row * width + latent] + own_bias;
      double merged = 0, of_row = 0;
      int fires = 0;
      for (int p = 0; p < parts; p++) {
        float slope = 0;
        int to = gated ? ends[p] : written;
        for (int c = (gated && p > 0 ? ends[p - 1] : 0) + lane; c < to; c += 32)
          slope += left[row * written + c] * decoder[latent * written + c];
        double gradient = warp_sum(slope) * by;
        float bar = bars[(long)p * width + latent];
        double norm = gated ? (double)norms[(long)p * width + latent] : whole_norm;
        if (penalty == SUM || penalty == SUM_BY_NORM) gradient += weight * norm;
        if (penalty == SATURATING) {
          double bent = value > bar ? tanh(steep * value * norm) : 0;
          gradient += outer * norm * (1 - bent * bent);
        }
        if (thresholds != nullptr) {
          double scale = gated ? norm : 1;
          double compared = value * scale;
          if (compared > 0 && fabs(compared - threshold) < bandwidth / 2)
            of_row -= threshold * (threshold * gradient / scale + (penalty == FIRING ? weight : 0)) / bandwidth;
        }
        if (value > bar) {
          merged += gradient;
          fires = 1;
        }
      }
      if (lane == 0) {
        codes[j] = value;
        slopes[j] = (float)merged;
        of_thresholds[j] = of_row;
        fire[j] = fires;
      }
    }
    __syncthreads();
    for (int c = t; c < written; c += THREADS) {
      float bar = bars[(gated ? (long)source_of[c] * width : 0) + latent];
      float added = of_decoder[c];
      for (int j = 0; j < count; j++)
        if (codes[j] > bar) added += codes[j] * (float)by * left[(long)rows[j] * written + c];
      of_decoder[c] = added;
    }
    for (int c = t; c < read; c += THREADS) {
      float added = of_encoder[c];
      for (int j = 0; j < count; j++) added += slopes[j] * centred[(long)rows[j] * columns + c];
      of_encoder[c] = added;
    }
    if (t == 0) {
      unsigned fired = 0;
      for (int j = 0; j < count; j++) {
        of_bias += slopes[j];
        of_threshold += of_thresholds[j];
        if (fire[j]) fired |= 1u << (rows[j] % 32);
      }
      marks[latent * words + next - 1] = fired;
    }
    __syncthreads();
  }
  if (t == 0) {
    bias_gradient[latent] = of_bias;
    if (threshold_gradient != nullptr) threshold_gradient[latent] = (float)of_threshold;
  }
}

// Takes from a decoder's gradient what is parallel to its latent, and tells the square of all. A block a latent.
extern "C" __global__ void finish_gradients(const float* decoder, int unit, int read, int written, const float* encoder_gradient,
                                            float* decoder_gradient, const float* bias_gradient,
                                            const float* threshold_gradient, double* squares) {
  long latent = blockIdx.x;
  int t = threadIdx.x;
  float along = 0;
  if (unit) {
    double sum = 0;
    for (int c = t; c < written; c += THREADS)
      sum += (double)decoder_gradient[latent * written + c] * decoder[latent * written + c];
    along = (float)block_sum(sum);
  }
  double square = 0;
  for (int c = t; c < written; c += THREADS) {
    float value = decoder_gradient[latent * written + c] - along * decoder[latent * written + c];
    decoder_gradient[latent * written + c] = value;
    square += (double)value * value;
  }
  for (int c = t; c < read; c += THREADS) square += (double)encoder_gradient[latent * read + c] * encoder_gradient[latent * read + c];
  square = block_sum(square);
  if (t == 0) {
    square += (double)bias_gradient[latent] * bias_gradient[latent];
    if (threshold_gradient != nullptr) square += (double)threshold_gradient[latent] * threshold_gradient[latent];
    squares[latent] = square;
  }
}

// Σ over a share of the latents of their bias' gradient times their encoder, 32 columns a block, [gridDim.y, R].
extern "C" __global__ void through_encoder(const float* bias_gradient, const float* encoder, int width, int read, double* sums) {
  __shared__ double part[THREADS];
  int t = threadIdx.x;
  int c = blockIdx.x * 32 + t % 32;
  int share = (width + gridDim.y - 1) / gridDim.y;
  int from = blockIdx.y * share;
  int to = from + share < width ? from + share : width;
  double sum = 0;
  for (int f = from + t / 32; f < to && c < read; f += WARPS) {
    float slope = bias_gradient[f];
    if (slope != 0) sum += (double)slope * encoder[(long)f * read + c];
  }
  part[t] = sum;
  __syncthreads();
  if (t < 32 && c < read) {
    sum = 0;
    for (int w = 0; w < WARPS; w++) sum += part[w * 32 + t];
    sums[(long)blockIdx.y * read + c] = sum;
  }
}

// The gradient of b_dec, where what is read is what is written less what goes through the encoder. One block.
extern "C" __global__ void decoder_bias_gradient(const double* main, const double* further, const double* through, int shares,
                                                 int columns, int read, int written, float* gradient, double* scalars) {
  double square = 0;
  for (int c = threadIdx.x; c < columns; c += THREADS) {
    double sum = 0;
    int w = c - (columns - written);
    if (w >= 0) {
      sum = scalars[FACTOR_MAIN] * main[w];
      if (further != nullptr) sum += scalars[FACTOR_FURTHER] * further[w];
    }
    for (int s = 0; through != nullptr && s < shares; s++) sum -= through[(long)s * read + c];
    gradient[c] = (float)sum;
    square += (double)gradient[c] * gradient[c];
  }
  square = block_sum(square);
  if (threadIdx.x == 0) scalars[SQUARES_BIAS] = square;
}

// What gradients are multiplied by; NaN where they are not finite, and no step is taken. One thread of one block.
extern "C" __global__ void clip_factor(double clip, double* scalars) {
  if (threadIdx.x != 0) return;
  double squares = scalars[SQUARES_LATENTS] + scalars[SQUARES_BIAS];
  double factor = clip > 0 && squares > clip * clip ? clip / sqrt(squares) : 1;
  scalars[CLIP] = squares - squares == 0 ? factor : squares - squares;
}

struct Adam {
  float first, second, epsilon, rate, root, keep, average;
  __device__ Adam(const float* settings)
      : first(settings[ADAM_FIRST]), second(settings[ADAM_SECOND]), epsilon(settings[ADAM_EPSILON]), rate(settings[ADAM_RATE]),
        root(settings[ADAM_ROOT]), keep(settings[KEEP_WEIGHTS]), average(settings[KEEP_AVERAGE]) {}
  __device__ __forceinline__ float step(float value, float gradient, float* means, float* mean_squares, long at) const {
    float mean = means[at] * first + gradient * (1 - first);
    float square = mean_squares[at] * second + gradient * gradient * (1 - second);
    means[at] = mean;
    mean_squares[at] = square;
    return value - mean * rate / (sqrtf(square) * root + epsilon);
  }
  __device__ __forceinline__ void into_average(float value, float* averages, long at) const {
    if (averages != nullptr) averages[at] = average * averages[at] + (1 - average) * value;
  }
};

// A step of Adam for encoder, bias and decoder of a latent; its decoder gets unit norm again where it had it, and its encoder
// is rounded for the next product. A block a latent.
extern "C" __global__ void adam_latents(const float* settings, const double* scalars, int unit, int read, int written,
                                        float* encoder, const float* encoder_gradient, float* encoder_mean, float* encoder_square,
                                        float* encoder_average, float* decoder, const float* decoder_gradient, float* decoder_mean,
                                        float* decoder_square, float* decoder_average, float* bias, const float* bias_gradient,
                                        float* bias_mean, float* bias_square, float* bias_average, unsigned short* rounded,
                                        int stride, float* lengths, float* losses) {
  long latent = blockIdx.x;
  int t = threadIdx.x;
  float factor = (float)scalars[CLIP];
  if (factor != factor) return;
  Adam adam(settings);
  for (int c = t; c < read; c += THREADS) {
    long at = latent * read + c;
    encoder[at] = adam.step(encoder[at] * adam.keep, encoder_gradient[at] * factor, encoder_mean, encoder_square, at);
    adam.into_average(encoder[at], encoder_average, at);
  }
  double squares = 0;
  for (int c = t; c < written; c += THREADS) {
    long at = latent * written + c;
    float value = adam.step(decoder[at] * adam.keep, decoder_gradient[at] * factor, decoder_mean, decoder_square, at);
    decoder[at] = value;
    squares += (double)value * value;
  }
  float longer = 1;
  if (unit) {
    squares = block_sum(squares);
    if (squares > 0) longer = (float)sqrt(squares);
  }
  for (int c = t; c < written; c += THREADS) {
    long at = latent * written + c;
    if (unit) decoder[at] /= longer;
    adam.into_average(decoder[at], decoder_average, at);
  }
  if (t == 0) {
    bias[latent] = adam.step(bias[latent], bias_gradient[latent] * factor, bias_mean, bias_square, latent);
    adam.into_average(bias[latent], bias_average, latent);
  }
  __syncthreads();
  round_row(encoder + latent * read, read, rounded + latent * stride, stride, lengths + latent, losses + latent);
}

// A step of Adam for b_dec, or for log θ, whose rate is so many times the others'. As many threads as columns.
extern "C" __global__ void adam_bias(const float* settings, const double* scalars, double times, int columns, float* bias,
                                     const float* gradient, float* mean, float* square, float* average) {
  int c = blockIdx.x * THREADS + threadIdx.x;
  float factor = (float)scalars[CLIP];
  if (c >= columns || factor != factor) return;
  Adam adam(settings);
  adam.rate *= (float)times;
  bias[c] = adam.step(bias[c], gradient[c] * factor, mean, square, c);
  adam.into_average(bias[c], average, c);
}

// For how many tokens latents have not fired, which of them are dead, and how often they fired. A warp a latent.
extern "C" __global__ void advance(const unsigned* marks, int words, int width, int rows, long long window, long long* silent,
                                   unsigned char* dead, double* firings, double* deaths) {
  int latent = blockIdx.x * WARPS + threadIdx.x / 32;
  int lane = threadIdx.x & 31;
  float fired = 0;
  if (latent < width)
    for (int w = lane; w < words; w += 32) fired += __popc(marks[(long)latent * words + w]);
  fired = warp_sum(fired);
  if (latent < width && lane == 0) {
    long long tokens = fired > 0 ? 0 : silent[latent] + rows;
    silent[latent] = tokens < (1LL << 43) ? tokens : 1LL << 43;
    dead[latent] = silent[latent] >= window;
    firings[latent] = fired;
    deaths[latent] = dead[latent];
  }
}
