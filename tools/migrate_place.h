/* SPDX-License-Identifier: Apache-2.0 */
/* Files for another user: written with that user's rights, so that nothing of root's can be hit. */
#ifndef IOTHSM_MIGRATE_PLACE_H
#define IOTHSM_MIGRATE_PLACE_H

#include <sys/types.h>

#include "bytes.h"
#include "cli.h"

/* An existing directory and whom it belongs to. */
struct migrate_place {
	const char *directory;
	uid_t uid;
	gid_t gid;
};

enum migrate_state { MIGRATE_ABSENT, MIGRATE_EQUAL, MIGRATE_OTHER };

/* Says what is missing; package is what brings the directory. */
CK_RV migrate_place_find(
	struct cli *cli, const char *directory, const char *package, struct migrate_place *place);

/* What is there now; a file that cannot be read counts as another one. */
enum migrate_state migrate_place_compare(
	const struct migrate_place *place, const char *name, struct bytes content);

/* name may have one directory in front, which is made for its owner alone. What another content
 * had is kept beside it when keep_old is set. Says what failed. */
CK_RV migrate_place_write(struct cli *cli, const struct migrate_place *place, const char *name,
	struct bytes content, bool keep_old);

#endif
