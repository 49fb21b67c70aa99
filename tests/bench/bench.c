/* SPDX-License-Identifier: Apache-2.0 */
/* Measures one operation through one PKCS#11 module with a number of threads: a cell of
 * tools/bench. */
#include <dlfcn.h>
#include <iothsm/pkcs11-3.2.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mutex.h"

enum {
	BENCH_THREADS_MAX = 64,
	BENCH_SAMPLES_MAX = 1 << 20,
	BENCH_OUTPUT_MAX = 1024,
	BENCH_MESSAGE_BYTES = 64
};

struct bench {
	CK_FUNCTION_LIST *p11;
	CK_SLOT_ID slot;
	const struct operation *operation;
	int64_t end_ns;
};

struct worker {
	struct bench *bench;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	pthread_t thread;
	int socket; /* of a bare relay */
	uint32_t *samples_ns;
	size_t count;
};

struct operation {
	const char *name;
	CK_KEY_TYPE key_type;
	CK_RV (*run)(const struct worker *worker);
};

static pthread_barrier_t start_line;

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void check(const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return;
	(void)fprintf(stderr, "bench: %s: 0x%lx\n", what, rv);
	exit(1);
}

static CK_RV run_null(const struct worker *worker)
{
	CK_SESSION_INFO info;

	return worker->bench->p11->C_GetSessionInfo(worker->session, &info);
}

static CK_RV run_sign(const struct worker *worker, CK_MECHANISM_TYPE type)
{
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_BYTE data[32] = "thirty-two bytes to be signed..";
	CK_BYTE signature[BENCH_OUTPUT_MAX];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = worker->bench->p11->C_SignInit(worker->session, &mechanism, worker->key);

	if (rv != CKR_OK)
		return rv;
	return worker->bench->p11->C_Sign(worker->session, data, sizeof(data), signature, &len);
}

static CK_RV run_ec(const struct worker *worker)
{
	return run_sign(worker, CKM_ECDSA);
}

static CK_RV run_rsa(const struct worker *worker)
{
	return run_sign(worker, CKM_RSA_PKCS);
}

static CK_RV find_private_key(const struct worker *worker, CK_KEY_TYPE type, CK_OBJECT_HANDLE *key)
{
	CK_FUNCTION_LIST *p11 = worker->bench->p11;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) } };
	CK_ULONG count = 0;
	CK_RV rv = p11->C_FindObjectsInit(worker->session, template, 2);

	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjects(worker->session, key, 1, &count);
	if (rv != CKR_OK)
		return rv;
	rv = p11->C_FindObjectsFinal(worker->session);
	return rv == CKR_OK && count == 0 ? CKR_KEY_HANDLE_INVALID : rv;
}

static CK_RV run_find(const struct worker *worker)
{
	CK_OBJECT_HANDLE key;

	return find_private_key(worker, CKK_EC, &key);
}

static CK_RV run_attribute(const struct worker *worker)
{
	CK_BYTE id[64];
	CK_BYTE label[64];
	CK_ATTRIBUTE template[] = { { CKA_ID, id, sizeof(id) },
		{ CKA_LABEL, label, sizeof(label) } };

	return worker->bench->p11->C_GetAttributeValue(worker->session, worker->key, template, 2);
}

static CK_RV run_random(const struct worker *worker)
{
	CK_BYTE random[32];

	return worker->bench->p11->C_GenerateRandom(worker->session, random, sizeof(random));
}

static CK_RV run_digest(const struct worker *worker)
{
	CK_MECHANISM mechanism = { CKM_SHA256, NULL, 0 };
	CK_BYTE data[1024] = { 0 };
	CK_BYTE digest[32];
	CK_ULONG len = sizeof(digest);
	CK_RV rv = worker->bench->p11->C_DigestInit(worker->session, &mechanism);

	if (rv != CKR_OK)
		return rv;
	return worker->bench->p11->C_Digest(worker->session, data, sizeof(data), digest, &len);
}

static const struct operation operations[] = {
	{ "null", CKK_EC, run_null },
	{ "p256", CKK_EC, run_ec },
	{ "rsa2048", CKK_RSA, run_rsa },
	{ "find", CKK_EC, run_find },
	{ "attribute", CKK_EC, run_attribute },
	{ "random", CKK_EC, run_random },
	{ "digest", CKK_EC, run_digest },
};

static const struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	(void)fprintf(stderr, "bench: no operation %s\n", name);
	exit(2);
}

static void bench_load(struct bench *bench, const char *module, CK_C_INITIALIZE_ARGS *args)
{
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get;

	if (!library) {
		(void)fprintf(stderr, "bench: %s\n", dlerror());
		exit(1);
	}
	*(void **)&get = dlsym(library, "C_GetFunctionList");
	check("C_GetFunctionList", get(&bench->p11));
	check("C_Initialize", bench->p11->C_Initialize(args));
}

static void bench_select(struct bench *bench, const char *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = 64;
	CK_TOKEN_INFO info;

	check("C_GetSlotList", bench->p11->C_GetSlotList(CK_TRUE, slots, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		check("C_GetTokenInfo", bench->p11->C_GetTokenInfo(slots[i], &info));
		bench->slot = slots[i];
		if (memcmp(info.label, label, strlen(label)) == 0)
			return;
	}
	check("no such token", CKR_TOKEN_NOT_PRESENT);
}

static void worker_open(struct worker *worker, struct bench *bench, CK_UTF8CHAR *pin)
{
	CK_RV rv;

	worker->bench = bench;
	check("C_OpenSession", bench->p11->C_OpenSession(bench->slot, CKF_SERIAL_SESSION, NULL,
				       NULL, &worker->session));
	rv = bench->p11->C_Login(worker->session, CKU_USER, pin, strlen((char *)pin));
	check("C_Login", rv == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : rv);
	check("find", find_private_key(worker, bench->operation->key_type, &worker->key));
}

/* One call outside the measurement, then calls until the common end. */
static void *worker_run(void *context)
{
	struct worker *worker = context;
	int64_t before;
	int64_t after;

	check("the first call", worker->bench->operation->run(worker));
	(void)pthread_barrier_wait(&start_line);
	(void)pthread_barrier_wait(&start_line);
	before = now_ns();
	while (before < worker->bench->end_ns && worker->count < BENCH_SAMPLES_MAX) {
		check(worker->bench->operation->name, worker->bench->operation->run(worker));
		after = now_ns();
		worker->samples_ns[worker->count++] = (uint32_t)(after - before);
		before = after;
	}
	return NULL;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

/* Prints: operations a second, p50 and p99 in microseconds, least and most a thread did. */
static void report(const struct worker *workers, size_t threads, double seconds)
{
	size_t total = 0;
	size_t least = SIZE_MAX;
	size_t most = 0;
	uint32_t *all = NULL;

	for (size_t i = 0; i < threads; i++) {
		all = realloc(all, (total + workers[i].count + 1) * sizeof(*all));
		if (!all)
			check("memory", CKR_HOST_MEMORY);
		memcpy(all + total, workers[i].samples_ns, workers[i].count * sizeof(*all));
		total += workers[i].count;
		least = workers[i].count < least ? workers[i].count : least;
		most = workers[i].count > most ? workers[i].count : most;
	}
	qsort(all, total, sizeof(*all), compare);
	(void)printf("%.1f %.2f %.2f %zu %zu\n", (double)total / seconds, all[total / 2] / 1e3,
		all[total * 99 / 100] / 1e3, least, most);
	free(all);
}

static size_t parse_threads(const char *text)
{
	size_t threads = strtoul(text, NULL, 10);

	if (threads >= 1 && threads <= BENCH_THREADS_MAX)
		return threads;
	(void)fprintf(stderr, "bench: 1 to %d threads, not %s\n", BENCH_THREADS_MAX, text);
	exit(2);
}

/* All workers at once for so long; then the report. */
static void race(struct bench *bench, struct worker *workers, size_t threads, const char *duration)
{
	int64_t begin_ns;

	check("barrier", (CK_RV)pthread_barrier_init(&start_line, NULL, (unsigned)threads + 1));
	for (size_t i = 0; i < threads; i++) {
		workers[i].bench = bench;
		workers[i].samples_ns = malloc(BENCH_SAMPLES_MAX * sizeof(uint32_t));
		check("memory", workers[i].samples_ns ? CKR_OK : CKR_HOST_MEMORY);
		check("thread",
			(CK_RV)pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]));
	}
	(void)pthread_barrier_wait(&start_line);
	begin_ns = now_ns();
	bench->end_ns = begin_ns + (int64_t)strtoul(duration, NULL, 10) * 1000000;
	(void)pthread_barrier_wait(&start_line);
	for (size_t i = 0; i < threads; i++)
		(void)pthread_join(workers[i].thread, NULL);
	report(workers, threads, (double)(now_ns() - begin_ns) / 1e9);
	for (size_t i = 0; i < threads; i++)
		free(workers[i].samples_ns);
}

static void open_all(struct bench *bench, char **argv, struct worker *workers, size_t threads,
	CK_C_INITIALIZE_ARGS *args)
{
	bench->operation = operation_find(argv[5]);
	bench_load(bench, argv[2], args);
	bench_select(bench, argv[3]);
	for (size_t i = 0; i < threads; i++)
		worker_open(&workers[i], bench, (CK_UTF8CHAR *)argv[4]);
}

/* run MODULE LABEL PIN OPERATION THREADS MILLISECONDS */
static int bench_run(char **argv)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	struct bench bench = { 0 };
	struct worker workers[BENCH_THREADS_MAX] = { 0 };
	size_t threads = parse_threads(argv[6]);

	open_all(&bench, argv, workers, threads, &args);
	race(&bench, workers, threads, argv[7]);
	return 0;
}

/* Bytes that mean nothing come in, the operation is done, bytes that mean nothing go out. */
static void *relay_serve(void *context)
{
	struct worker *worker = context;
	char message[BENCH_MESSAGE_BYTES];
	struct pollfd readable = { .fd = worker->socket, .events = POLLIN };

	while (poll(&readable, 1, -1) == 1 &&
		recv(worker->socket, message, sizeof(message), 0) > 0) {
		check("relayed", worker->bench->operation->run(worker));
		if (send(worker->socket, message, sizeof(message), 0) < 0)
			break;
	}
	return NULL;
}

static CK_RV run_relayed(const struct worker *worker)
{
	char message[BENCH_MESSAGE_BYTES] = { 0 };
	struct pollfd readable = { .fd = worker->socket, .events = POLLIN };

	if (send(worker->socket, message, sizeof(message), 0) < 0 || poll(&readable, 1, -1) != 1 ||
		recv(worker->socket, message, sizeof(message), 0) <= 0)
		return CKR_DEVICE_ERROR;
	return CKR_OK;
}

static void relay_run(char **argv, const int sockets[], size_t threads)
{
	CK_C_INITIALIZE_ARGS args = { .CreateMutex = mutex_create,
		.DestroyMutex = mutex_destroy,
		.LockMutex = mutex_lock,
		.UnlockMutex = mutex_unlock };
	struct bench bench = { 0 };
	struct worker workers[BENCH_THREADS_MAX] = { 0 };

	open_all(&bench, argv, workers, threads, &args);
	for (size_t i = 0; i < threads; i++) {
		workers[i].socket = sockets[i];
		check("thread",
			(CK_RV)pthread_create(&workers[i].thread, NULL, relay_serve, &workers[i]));
	}
	for (size_t i = 0; i < threads; i++)
		(void)pthread_join(workers[i].thread, NULL);
}

/*
 * relay MODULE LABEL PIN OPERATION THREADS MILLISECONDS: the module in another process behind one
 * Unix socket a thread, without marshalling, checks or isolation: what no proxy can surpass.
 */
static int bench_relay(char **argv)
{
	static const struct operation relayed = { "relayed", CKK_EC, run_relayed };
	struct bench bench = { .operation = &relayed };
	struct worker workers[BENCH_THREADS_MAX] = { 0 };
	size_t threads = parse_threads(argv[6]);
	int ends[BENCH_THREADS_MAX][2];
	int theirs[BENCH_THREADS_MAX];
	int status = 0;

	for (size_t i = 0; i < threads; i++) {
		check("socketpair", (CK_RV)socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]));
		workers[i].socket = ends[i][0];
		theirs[i] = ends[i][1];
	}
	pid_t pid = fork();

	if (pid == 0) {
		for (size_t i = 0; i < threads; i++)
			(void)close(ends[i][0]);
		relay_run(argv, theirs, threads);
		_exit(0);
	}
	for (size_t i = 0; i < threads; i++)
		(void)close(theirs[i]);
	race(&bench, workers, threads, argv[7]);
	for (size_t i = 0; i < threads; i++)
		(void)close(workers[i].socket);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

/* setup MODULE LABEL PIN OPERATION: milliseconds from C_Initialize to the first finished call. */
static int bench_setup(char **argv)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	struct bench bench = { 0 };
	struct worker worker = { 0 };
	int64_t begin_ns = now_ns();

	open_all(&bench, argv, &worker, 1, &args);
	check("the first call", bench.operation->run(&worker));
	(void)printf("%.3f\n", (double)(now_ns() - begin_ns) / 1e6);
	return 0;
}

/* hold MODULE LABEL PIN OPERATION: logs in, makes one call, says "ready", stays until its input
 * ends. */
static int bench_hold(char **argv)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	struct bench bench = { 0 };
	struct worker worker = { 0 };
	char byte;

	open_all(&bench, argv, &worker, 1, &args);
	check("the first call", bench.operation->run(&worker));
	(void)puts("ready");
	(void)fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) < 0;
}

static const struct command {
	const char *name;
	int arguments;
	int (*run)(char **argv);
} commands[] = {
	{ "run", 8, bench_run },
	{ "relay", 8, bench_relay },
	{ "setup", 6, bench_setup },
	{ "hold", 6, bench_hold },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc == commands[i].arguments && strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv);
	(void)fprintf(stderr,
		"usage: bench run|relay MODULE LABEL PIN OPERATION THREADS MILLISECONDS\n"
		"       bench setup|hold MODULE LABEL PIN OPERATION\n");
	return 2;
}
