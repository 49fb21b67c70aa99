/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over every file of a corpus directory, so that ctest replays it without
 * libFuzzer. */
#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_INPUT_MAX = 1024 * 1024 };

static int replay_file(const char *path)
{
	/* Exactly as large as the input, so that AddressSanitizer sees every byte read beyond it.
	 */
	FILE *file = fopen(path, "rb");

	if (!file || fseek(file, 0, SEEK_END) != 0)
		return -1;
	long size = ftell(file);

	if (size < 0 || size > REPLAY_INPUT_MAX || fseek(file, 0, SEEK_SET) != 0) {
		(void)fclose(file);
		return -1;
	}
	uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
	size_t got = data ? fread(data, 1, (size_t)size, file) : 0;

	(void)fclose(file);
	if (!data || got != (size_t)size) {
		free(data);
		return -1;
	}
	(void)LLVMFuzzerTestOneInput(data, got);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *corpus = argc == 2 ? opendir(argv[1]) : NULL;
	int files = 0;

	if (!corpus) {
		(void)fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
		return 2;
	}
	for (const struct dirent *entry = readdir(corpus); entry; entry = readdir(corpus)) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay_file(path) != 0) {
			(void)fprintf(stderr, "%s: cannot be replayed\n", path);
			return 1;
		}
		files++;
	}
	(void)closedir(corpus);
	(void)printf("%d inputs replayed\n", files);
	return files > 0 ? 0 : 1;
}
