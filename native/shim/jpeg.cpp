// JPEG files by a libjpeg-turbo that native/src/data/photos/jpeg.rs opens at run time (src/setup/libjpeg.ts finds it).
// The library reports errors by a function that must not return: here it jumps back to the call, past C's frames alone.
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

#include "libjpeg.h"

namespace {

using libjpeg::Common;
using libjpeg::Decompress;
using libjpeg::Functions;

// A file may have as many scans as it likes, and each costs the time of a whole image.
constexpr int kMostScans = 500;
// Rows that are asked for at once; the library gives one or two.
constexpr unsigned kRows = 4;

struct Decoder {
  const Functions *functions;
  Decompress info;
  libjpeg::ErrorManager errors;
  libjpeg::SourceManager source;
  libjpeg::ProgressManager progress;
  std::jmp_buf failed;
  char message[libjpeg::kMessageLength];
};

Decoder *of(Common *info) { return static_cast<Decoder *>(info->client_data); }

[[noreturn]] void fail(Common *info, const char *message) {
  Decoder *decoder = of(info);
  std::snprintf(decoder->message, sizeof decoder->message, "%s", message);
  std::longjmp(decoder->failed, 1);
}

void on_error(Common *info) {
  Decoder *decoder = of(info);
  info->err->format_message(info, decoder->message);
  std::longjmp(decoder->failed, 1);
}

// Warnings of damaged data go unheard, as in PIL: the library makes the best of it.
void on_message(Common *, int) {}
void on_output(Common *) {}

void on_progress(Common *info) {
  if (static_cast<Decompress *>(info)->input_scan_number > kMostScans) {
    fail(info, "it has too many scans");
  }
}

void nothing(Decompress *) {}

// All there is was in the buffer. PIL takes a file that ends too early for damaged, too.
int on_end(Decompress *info) { fail(info, "it ends too early"); }

void on_skip(Decompress *info, long bytes) {
  if (bytes <= 0) return;
  auto *source = info->src;
  if (static_cast<size_t>(bytes) > source->bytes_in_buffer) fail(info, "it ends too early");
  source->next_input_byte += bytes;
  source->bytes_in_buffer -= bytes;
}

}  // namespace

extern "C" {

// A decoder for one file, to be freed; null without memory.
Decoder *byol_jpeg_new(const Functions *functions) {
  auto *decoder = new (std::nothrow) Decoder{};
  if (decoder != nullptr) decoder->functions = functions;
  return decoder;
}

void byol_jpeg_free(Decoder *decoder) {
  // Safe at any point after jpeg_std_error, and before it there is nothing to free.
  if (decoder->info.mem != nullptr) decoder->functions->destroy(&decoder->info);
  delete decoder;
}

const char *byol_jpeg_message(const Decoder *decoder) { return decoder->message; }

// Reads width, height and samples a pixel (1 of gray, 3 of RGB, 4 of CMYK) of `bytes`, which must outlive the decoder.
bool byol_jpeg_read_header(Decoder *decoder, const unsigned char *bytes, size_t length,
                           unsigned size[3]) {
  const Functions *functions = decoder->functions;
  Decompress *info = &decoder->info;
  info->err = functions->std_error(&decoder->errors);
  decoder->errors.error_exit = on_error;
  decoder->errors.emit_message = on_message;
  decoder->errors.output_message = on_output;
  // Kept by jpeg_CreateDecompress, as is err.
  info->client_data = decoder;
  if (setjmp(decoder->failed)) return false;
  functions->create(info, libjpeg::kVersion, sizeof *info);
  decoder->progress.progress_monitor = on_progress;
  info->progress = &decoder->progress;
  decoder->source = {bytes, length, nothing, on_end, on_skip, functions->resync_to_restart, nothing};
  info->src = &decoder->source;
  functions->read_header(info, 1);
  // By their number, as PIL does: of lossless files the library turns no colours into others.
  size[2] = info->num_components == 1 || info->num_components == 4 ? info->num_components : 3;
  info->out_color_space =
      size[2] == 1 ? libjpeg::kGrayscale : size[2] == 4 ? libjpeg::kCmyk : libjpeg::kRgb;
  size[0] = info->image_width;
  size[1] = info->image_height;
  return true;
}

// Begins to decode, once the header has been read.
bool byol_jpeg_start(Decoder *decoder, unsigned samples) {
  Decompress *info = &decoder->info;
  if (setjmp(decoder->failed)) return false;
  decoder->functions->start(info);
  bool same = info->output_width == info->image_width && info->output_height == info->image_height;
  if (!same || info->output_components != static_cast<int>(samples)) {
    fail(info, "it is of another size than it says");
  }
  return true;
}

// Decodes the next `lines` lines into `pixels`, which has room for them.
bool byol_jpeg_read_lines(Decoder *decoder, unsigned char *pixels, unsigned lines) {
  Decompress *info = &decoder->info;
  if (setjmp(decoder->failed)) return false;
  size_t line = static_cast<size_t>(info->output_width) * info->output_components;
  unsigned first = info->output_scanline;
  if (lines > info->output_height - first) fail(info, "it gives no more lines");
  while (info->output_scanline < first + lines) {
    unsigned char *rows[kRows];
    unsigned done = info->output_scanline - first;
    unsigned count = lines - done < kRows ? lines - done : kRows;
    for (unsigned row = 0; row < count; row++) rows[row] = pixels + line * (done + row);
    if (decoder->functions->read_scanlines(info, rows, count) == 0) {
      fail(info, "it gives no more lines");
    }
  }
  return true;
}

}  // extern "C"
