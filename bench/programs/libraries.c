/* libraries.c - two libraries of one file each, for a compiler to work on: 17,000 lines. */
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#ifndef SHORT
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb/stb_truetype.h>
#endif
