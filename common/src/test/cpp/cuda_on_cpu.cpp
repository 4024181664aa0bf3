// CUDA's driver, NVRTC and cuBLASLt on a processor, as far as `kernel = cuda` asks for them: one library that has
// the names of all three. Its device has the kernels of step.cu compiled as C++; blocks run one after the other, the
// threads of a block by turns, from one meeting point to the next.
//
// Work is done as late as can be: when somebody waits for its stream, or another stream's for an event of it.
//
// What a device would not tell is told here: threads of a block that do not all meet, memory that is read or written
// beyond what was allocated (fences around every allocation), launches of kernels that are not there.
//
// Tests ask for a line for each call in a file, for another generation, and for less memory: see the first functions.
//
// Build: c++ -std=c++17 -O2 -DTHREADS=64 -shared -fPIC -fvisibility=hidden -I FOLDER_OF_STEP_CU -o libcuda_on_cpu.so cuda_on_cpu.cpp

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};

enum State { RUNS, AT_BARRIER, AT_WARP, ENDED };

struct Thread {
  ucontext_t context;
  std::vector<char> stack;
  jmp_buf left_at;
  State state;
  bool begun = false;
};

Dim grid, block_at;
std::vector<Thread*> threads;
std::vector<uint32_t> exchanged[2];
std::vector<int> parity;
ucontext_t first_scheduler;
jmp_buf scheduler;
unsigned current;
std::function<void()> body;

[[noreturn]] void broken(const char* words) {
  std::fprintf(stderr, "cuda_on_cpu: %s (block %u, %u; thread %u)\n", words, block_at.x, block_at.y, current);
  std::fflush(stderr);
  std::abort();
}

// Contexts begin threads; afterwards jumps are enough, which ask nothing of the operating system.
void wait_as(State state) {
  threads[current]->state = state;
  if (_setjmp(threads[current]->left_at) == 0) _longjmp(scheduler, 1);
}

void run_thread() {
  while (true) {
    body();
    wait_as(ENDED);
  }
}

void go_on() {
  Thread& thread = *threads[current];
  if (_setjmp(scheduler) != 0) return;
  if (thread.begun) _longjmp(thread.left_at, 1);
  thread.begun = true;
  getcontext(&thread.context);
  thread.stack.resize(1 << 16);
  thread.context.uc_stack.ss_sp = thread.stack.data();
  thread.context.uc_stack.ss_size = thread.stack.size();
  thread.context.uc_link = nullptr;
  makecontext(&thread.context, run_thread, 0);
  swapcontext(&first_scheduler, &thread.context);
}

void run_block() {
  for (Thread* thread : threads) thread->state = RUNS;
  std::fill(parity.begin(), parity.end(), 0);
  while (true) {
    for (current = 0; current < threads.size(); current++)
      if (threads[current]->state == RUNS) go_on();
    unsigned ended = 0, waiting = 0;
    for (unsigned warp = 0; warp < threads.size(); warp += 32) {
      unsigned meets = 0;
      for (unsigned t = warp; t < warp + 32; t++) meets += threads[t]->state == AT_WARP;
      if (meets != 0 && meets != 32) broken("threads of a warp do not all meet");
      for (unsigned t = warp; meets != 0 && t < warp + 32; t++) threads[t]->state = RUNS;
    }
    for (Thread* thread : threads) {
      ended += thread->state == ENDED;
      waiting += thread->state == AT_BARRIER;
    }
    if (ended == threads.size()) return;
    if (ended + waiting < threads.size()) continue;
    if (ended != 0) broken("threads of a block end while others wait for them");
    for (Thread* thread : threads) thread->state = RUNS;
  }
}

}  // namespace

// What the language of step.cu has beyond C++.
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define threadIdx (Dim{current, 0, 0})
#define blockIdx block_at
#define gridDim grid

static void __syncthreads() { wait_as(AT_BARRIER); }

static float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

static unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

static float __shfl_xor_sync(unsigned, float value, int apart) {
  int turn = parity[current] ^= 1;
  exchanged[turn][current] = __float_as_uint(value);
  wait_as(AT_WARP);
  return __uint_as_float(exchanged[turn][current ^ (unsigned)apart]);
}

template <class T>
static T atomicAdd(T* to, T value) {
  T before = *to;
  *to += value;
  return before;
}

static unsigned atomicOr(unsigned* to, unsigned value) {
  unsigned before = *to;
  *to |= value;
  return before;
}

static unsigned atomicMin(unsigned* to, unsigned value) {
  unsigned before = *to;
  if (value < before) *to = value;
  return before;
}

static int __ffs(int value) { return __builtin_ffs(value); }
static int __popc(unsigned value) { return __builtin_popcount(value); }

#include "step.cu"

namespace {

using Kernel = std::function<void(void**)>;
std::map<std::string, Kernel> kernels;

template <class... A, size_t... I>
Kernel typed(void (*kernel)(A...), std::index_sequence<I...>) {
  return [kernel](void** arguments) {
    std::tuple<A...> values(*static_cast<A*>(arguments[I])...);
    body = [kernel, values] { std::apply(kernel, values); };
  };
}

template <class... A>
void add(const char* name, void (*kernel)(A...)) {
  kernels[name] = typed(kernel, std::index_sequence_for<A...>());
}

struct Launch {
  std::string name;
  Dim grid, block;
  std::function<void()> body;
};

void run(const Launch& launch) {
  grid = launch.grid;
  body = launch.body;
  if (launch.block.x != THREADS || launch.block.y != 1 || launch.block.z != 1) broken("a block of other than THREADS threads");
  while (threads.size() < THREADS) threads.push_back(new Thread);
  parity.resize(THREADS);
  for (auto& each : exchanged) each.resize(THREADS);
  for (block_at.y = 0; block_at.y < grid.y; block_at.y++)
    for (block_at.x = 0; block_at.x < grid.x; block_at.x++) run_block();
}

// Work that is recorded runs with what its memory holds when it is launched.
thread_local std::vector<std::function<void()>>* recording = nullptr;

// Whoever calls from another thread waits for its turn.
std::recursive_mutex device;
using Turn = std::lock_guard<std::recursive_mutex>;

struct Stream {
  std::deque<std::function<void()>> left;
  size_t asked = 0, done = 0;

  void work_to(size_t end) {
    while (done < end) {
      std::function<void()> work = std::move(left.front());
      left.pop_front();
      done++;
      work();
    }
  }
};

// The stream, and what was asked of it up to there.
struct Event {
  Stream* stream = nullptr;
  size_t end = 0;
};

std::vector<Stream*> streams;

int enqueue(void* stream, std::function<void()> work) {
  Turn turn(device);
  if (recording != nullptr) {
    recording->push_back(std::move(work));
    return 0;
  }
  Stream& to = *static_cast<Stream*>(stream);
  to.left.push_back(std::move(work));
  to.asked++;
  return 0;
}

constexpr size_t FENCE = 64;
constexpr unsigned char PICKET = 0xa5;
std::map<char*, size_t> allocated;
size_t in_use = 0;
size_t memory = size_t{1} << 30;
int generation = 90;
std::FILE* lines = nullptr;

void look_at_fences(char* at, size_t bytes) {
  for (size_t i = 0; i < FENCE; i++)
    if ((unsigned char)at[-(long)i - 1] != PICKET || (unsigned char)at[bytes + i] != PICKET)
      broken("memory was written beyond what was allocated");
}

void log(const char* format, ...) {
  if (lines == nullptr) return;
  va_list values;
  va_start(values, format);
  std::vfprintf(lines, format, values);
  va_end(values);
  std::fputc('\n', lines);
  std::fflush(lines);
}

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};

struct Product {
  int transposed[2] = {0, 0};
};

float element(const void* matrix, const Layout& layout, bool transposed, uint64_t row, uint64_t column) {
  uint64_t at = transposed ? column + row * layout.stride : row + column * layout.stride;
  return layout.type == 14 ? from_bf16(static_cast<const unsigned short*>(matrix)[at]) : static_cast<const float*>(matrix)[at];
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// For tests alone.

EXPORT void cuda_on_cpu_log(const char* path) {
  Turn turn(device);
  if (lines != nullptr) std::fclose(lines);
  lines = path == nullptr ? nullptr : std::fopen(path, "w");
}

EXPORT void cuda_on_cpu_generation(int value) { generation = value; }

EXPORT void cuda_on_cpu_memory(long bytes) { memory = bytes; }

// The driver.

EXPORT int cuInit(unsigned) {
  Turn turn(device);
#define ADD(name) add(#name, name)
  ADD(centre);
  ADD(round_encoder);
  ADD(select_largest);
  ADD(select_above);
  ADD(batch_bins);
  ADD(batch_bar);
  ADD(batch_candidates);
  ADD(batch_digits);
  ADD(batch_digit);
  ADD(batch_ties);
  ADD(batch_shares);
  ADD(batch_take);
  ADD(running_threshold);
  ADD(decoder_norms);
  ADD(source_norms);
  ADD(threshold_bars);
  ADD(select_entries);
  ADD(compact);
  ADD(residual);
  ADD(residual_parts);
  ADD(decode);
  ADD(column_sums);
  ADD(variance);
  ADD(sum_of);
  ADD(factors);
  ADD(gather_gradients);
  ADD(price);
  ADD(gather_parts);
  ADD(finish_gradients);
  ADD(through_encoder);
  ADD(decoder_bias_gradient);
  ADD(clip_factor);
  ADD(adam_latents);
  ADD(adam_bias);
  ADD(advance);
  return 0;
}

EXPORT int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}

EXPORT int cuDeviceGet(int* device, int number) {
  *device = number;
  return 0;
}

EXPORT int cuDeviceGetName(char* name, int length, int) {
  std::snprintf(name, length, "a processor");
  return 0;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 1 ? THREADS : attribute == 75 ? generation / 10 : generation % 10;
  return 0;
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
  static char contexts[64];
  *context = contexts + device;
  log("context of device %d", device);
  return 0;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
EXPORT int cuCtxSetCurrent(void*) { return 0; }

EXPORT int cuMemGetInfo_v2(size_t* free, size_t* total) {
  Turn turn(device);
  *total = memory;
  *free = *total - std::min(*total, in_use);
  return 0;
}

EXPORT int cuMemAlloc_v2(void** at, size_t bytes) {
  Turn turn(device);
  if (bytes == 0) return 1;
  if (in_use + bytes > memory) return 2;
  char* all = static_cast<char*>(std::malloc(bytes + 2 * FENCE));
  std::memset(all, PICKET, bytes + 2 * FENCE);
  // What nobody wrote is not a number.
  std::memset(all + FENCE, 0xff, bytes);
  *at = all + FENCE;
  allocated[all + FENCE] = bytes;
  in_use += bytes;
  log("allocate %zu", bytes);
  return 0;
}

EXPORT int cuMemHostAlloc(void** at, size_t bytes, unsigned) {
  *at = std::malloc(bytes);
  return 0;
}

EXPORT int cuMemFreeHost(void* at) {
  std::free(at);
  return 0;
}

EXPORT int cuMemFree_v2(void* at) {
  Turn turn(device);
  auto found = allocated.find(static_cast<char*>(at));
  if (found == allocated.end()) return 1;
  for (Stream* stream : streams) stream->work_to(stream->asked);
  look_at_fences(found->first, found->second);
  in_use -= found->second;
  std::free(found->first - FENCE);
  allocated.erase(found);
  return 0;
}

EXPORT int cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, void* stream) {
  log("to device %zu", bytes);
  return enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

EXPORT int cuMemcpyDtoHAsync_v2(void* to, const void* from, size_t bytes, void* stream) {
  log("from device %zu", bytes);
  return enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

EXPORT int cuMemsetD8Async(void* to, unsigned char value, size_t bytes, void* stream) {
  return enqueue(stream, [=] { std::memset(to, value, bytes); });
}

EXPORT int cuStreamCreate(void** stream, unsigned) {
  Turn turn(device);
  streams.push_back(new Stream);
  *stream = streams.back();
  return 0;
}

EXPORT int cuStreamDestroy_v2(void* stream) {
  Turn turn(device);
  Stream* gone = static_cast<Stream*>(stream);
  gone->work_to(gone->asked);
  streams.erase(std::find(streams.begin(), streams.end(), gone));
  delete gone;
  return 0;
}

EXPORT int cuEventCreate(void** event, unsigned) {
  *event = new Event;
  return 0;
}

EXPORT int cuEventDestroy_v2(void* event) {
  delete static_cast<Event*>(event);
  return 0;
}

EXPORT int cuEventRecord(void* event, void* stream) {
  Turn turn(device);
  log("event");
  *static_cast<Event*>(event) = Event{static_cast<Stream*>(stream), static_cast<Stream*>(stream)->asked};
  return 0;
}

EXPORT int cuStreamWaitEvent(void* stream, void* event, unsigned) {
  log("after event");
  Event of = *static_cast<Event*>(event);
  return enqueue(stream, [of] {
    if (of.stream != nullptr) of.stream->work_to(of.end);
  });
}

EXPORT int cuStreamSynchronize(void* stream) {
  Turn turn(device);
  log("wait");
  static_cast<Stream*>(stream)->work_to(static_cast<Stream*>(stream)->asked);
  for (auto& each : allocated) look_at_fences(each.first, each.second);
  return 0;
}

EXPORT int cuStreamBeginCapture_v2(void*, int) {
  recording = new std::vector<std::function<void()>>;
  return 0;
}

EXPORT int cuStreamEndCapture(void*, void** graph) {
  *graph = recording;
  recording = nullptr;
  return 0;
}

EXPORT int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
  *executable = new std::vector<std::function<void()>>(*static_cast<std::vector<std::function<void()>>*>(graph));
  return 0;
}

EXPORT int cuGraphLaunch(void* executable, void* stream) {
  log("graph");
  auto graph = *static_cast<std::vector<std::function<void()>>*>(executable);
  return enqueue(stream, [graph] {
    for (auto& each : graph) each();
  });
}

EXPORT int cuGraphExecDestroy(void* executable) {
  delete static_cast<std::vector<std::function<void()>>*>(executable);
  return 0;
}

EXPORT int cuGraphDestroy(void* graph) {
  delete static_cast<std::vector<std::function<void()>>*>(graph);
  return 0;
}

EXPORT int cuModuleLoadData(void** module, const void*) {
  *module = &kernels;
  return 0;
}

EXPORT int cuModuleUnload(void*) { return 0; }

EXPORT int cuModuleGetFunction(void** function, void*, const char* name) {
  auto found = kernels.find(name);
  if (found == kernels.end()) return 500;
  *function = const_cast<std::string*>(&found->first);
  return 0;
}

EXPORT int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads_x, unsigned threads_y,
                          unsigned threads_z, unsigned, void* stream, void** arguments, void**) {
  if (x == 0 || y == 0 || z != 1 || x > 2147483647u || y > 65535u) return 1;
  Turn turn(device);
  Launch launch;
  launch.name = *static_cast<std::string*>(function);
  launch.grid = {x, y, z};
  launch.block = {threads_x, threads_y, threads_z};
  kernels.at(launch.name)(arguments);
  launch.body = body;
  log("%s %u %u", launch.name.c_str(), x, y);
  return enqueue(stream, [launch] { run(launch); });
}

EXPORT int cuGetErrorString(int status, const char** words) {
  *words = status == 2 ? "out of memory" : status == 500 ? "named symbol not found" : "invalid value";
  return 0;
}

// NVRTC.

EXPORT int nvrtcGetNumSupportedArchs(int* count) {
  *count = 2;
  return 0;
}

EXPORT int nvrtcGetSupportedArchs(int* generations) {
  generations[0] = 80;
  generations[1] = 90;
  return 0;
}

EXPORT int nvrtcCreateProgram(void** program, const char* source, const char*, int, const char**, const char**) {
  *program = const_cast<char*>(source);
  return source[0] == 0 ? 3 : 0;
}

EXPORT int nvrtcCompileProgram(void*, int count, const char** options) {
  for (int i = 0; i < count; i++) log("option %s", options[i]);
  return 0;
}

EXPORT int nvrtcGetProgramLogSize(void*, size_t* size) {
  *size = 1;
  return 0;
}

EXPORT int nvrtcGetProgramLog(void*, char* words) {
  *words = 0;
  return 0;
}

EXPORT int nvrtcGetCUBINSize(void*, size_t* size) {
  *size = 4;
  return 0;
}

EXPORT int nvrtcGetCUBIN(void*, char* code) {
  std::memcpy(code, "code", 4);
  return 0;
}

EXPORT int nvrtcGetPTXSize(void* program, size_t* size) { return nvrtcGetCUBINSize(program, size); }
EXPORT int nvrtcGetPTX(void* program, char* code) { return nvrtcGetCUBIN(program, code); }

EXPORT int nvrtcDestroyProgram(void**) { return 0; }

EXPORT const char* nvrtcGetErrorString(int) { return "invalid program"; }

// cuBLASLt.

EXPORT int cublasLtCreate(void** handle) {
  *handle = new char;
  return 0;
}

EXPORT int cublasLtDestroy(void* handle) {
  delete static_cast<char*>(handle);
  return 0;
}

EXPORT int cublasLtMatmulDescCreate(void** product, int compute, int scale) {
  if (compute != 68 || scale != 0) return 15;
  *product = new Product;
  return 0;
}

EXPORT int cublasLtMatmulDescSetAttribute(void* product, int attribute, const void* value, size_t size) {
  if ((attribute != 3 && attribute != 4) || size != 4) return 7;
  static_cast<Product*>(product)->transposed[attribute - 3] = *static_cast<const int*>(value);
  return 0;
}

EXPORT int cublasLtMatmulDescDestroy(void* product) {
  delete static_cast<Product*>(product);
  return 0;
}

EXPORT int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if (stride < (int64_t)rows) return 7;
  *layout = new Layout{type, rows, columns, stride};
  return 0;
}

EXPORT int cublasLtMatrixLayoutDestroy(void* layout) {
  delete static_cast<Layout*>(layout);
  return 0;
}

// Sums in fp32, as a device has them.
EXPORT int cublasLtMatmul(void*, void* product, const float* alpha, const void* a, void* layout_a, const void* b, void* layout_b,
                          const float* beta, const void*, void*, void* d, void* layout_d, const void*, void*, size_t, void* stream) {
  Product how = *static_cast<Product*>(product);
  Layout of_a = *static_cast<Layout*>(layout_a), of_b = *static_cast<Layout*>(layout_b), of_d = *static_cast<Layout*>(layout_d);
  uint64_t inner = how.transposed[0] ? of_a.rows : of_a.columns;
  if (inner != (how.transposed[1] ? of_b.columns : of_b.rows) || of_d.rows != (how.transposed[0] ? of_a.columns : of_a.rows) ||
      of_d.columns != (how.transposed[1] ? of_b.rows : of_b.columns) || *beta != 0 || of_d.type != 0)
    return 7;
  float by = *alpha;
  log("product %llu x %llu x %llu of type %d", (unsigned long long)of_d.rows, (unsigned long long)inner,
      (unsigned long long)of_d.columns, of_a.type);
  return enqueue(stream, [=] {
    for (uint64_t column = 0; column < of_d.columns; column++)
      for (uint64_t row = 0; row < of_d.rows; row++) {
        float sum = 0;
        for (uint64_t i = 0; i < inner; i++)
          sum += element(a, of_a, how.transposed[0], row, i) * element(b, of_b, how.transposed[1], i, column);
        static_cast<float*>(d)[row + column * of_d.stride] = by * sum;
      }
  });
}
