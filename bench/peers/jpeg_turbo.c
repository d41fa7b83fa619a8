/* Decodes JPEG files by the system's libjpeg-turbo, called directly, from memory to RGB.
 *
 *     cc -O2 jpeg_turbo.c -ljpeg -o jpeg_turbo && ./jpeg_turbo ROUNDS FILE …
 *
 * Prints JSON: images, seconds of CPU time. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jpeglib.h>

static jmp_buf failed;
static void on_error(j_common_ptr info) { longjmp(failed, 1); }
static void on_message(j_common_ptr info) {}

int main(int count, char **words) {
  int rounds = atoi(words[1]), files = count - 2, images = 0;
  unsigned char **bytes = malloc(files * sizeof *bytes);
  size_t *sizes = malloc(files * sizeof *sizes);
  for (int i = 0; i < files; i++) {
    FILE *file = fopen(words[i + 2], "rb");
    if (!file) return 1;
    fseek(file, 0, SEEK_END);
    sizes[i] = ftell(file);
    rewind(file);
    bytes[i] = malloc(sizes[i]);
    if (fread(bytes[i], 1, sizes[i], file) != sizes[i]) return 1;
    fclose(file);
  }
  unsigned char *pixels = NULL;
  size_t room = 0;
  clock_t start = clock();
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < files; i++) {
      struct jpeg_decompress_struct info;
      struct jpeg_error_mgr errors;
      info.err = jpeg_std_error(&errors);
      errors.error_exit = on_error;
      errors.output_message = on_message;
      if (setjmp(failed)) {
        jpeg_destroy_decompress(&info);
        continue;
      }
      jpeg_create_decompress(&info);
      jpeg_mem_src(&info, bytes[i], sizes[i]);
      jpeg_read_header(&info, TRUE);
      info.out_color_space = JCS_RGB;
      jpeg_start_decompress(&info);
      size_t line = (size_t)info.output_width * 3, needed = line * info.output_height;
      if (needed > room) pixels = realloc(pixels, room = needed);
      while (info.output_scanline < info.output_height) {
        unsigned char *row = pixels + line * info.output_scanline;
        jpeg_read_scanlines(&info, &row, 1);
      }
      jpeg_finish_decompress(&info);
      jpeg_destroy_decompress(&info);
      images++;
    }
  }
  printf("{\"images\": %d, \"seconds\": %f}\n", images, (double)(clock() - start) / CLOCKS_PER_SEC);
  return 0;
}
