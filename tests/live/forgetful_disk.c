/* A disk that forgets what was not synchronised, as after a power cut.

   Preloaded into a process, it copies at each fsync of a file the file, and at each fsync of a
   folder its list of names, to RELEVE_FORGETFUL: "inodes/N" and "names/N". From the moment that a
   file "cut" is there, nothing more reaches the disk. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(int fd, const char *path) {
    char own[64], buffer[65536];
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    int in = open(own, O_RDONLY), out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t got;
    while (in >= 0 && out >= 0 && (got = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, got) != got) abort();
    close(in);
    close(out);
}

static void list(int fd, const char *path) {
    char own[64];
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(own);
    FILE *out = fopen(path, "w");
    struct dirent *found;
    while (folder && out && (found = readdir(folder)))
        fprintf(out, "%lu %s\n", (unsigned long)found->d_ino, found->d_name);
    if (folder) closedir(folder);
    if (out) fclose(out);
}

static int note(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    int result = real(fd);
    const char *to = getenv("RELEVE_FORGETFUL");
    struct stat status;
    char path[4096], draft[4096], cut[4096];
    if (!to) return result;
    snprintf(cut, sizeof cut, "%s/cut", to);
    if (result == 0 && fstat(fd, &status) == 0 && access(cut, F_OK) != 0) {
        int folder = S_ISDIR(status.st_mode);
        snprintf(path, sizeof path, "%s/%s/%lu", to, folder ? "names" : "inodes",
                 (unsigned long)status.st_ino);
        snprintf(draft, sizeof draft, "%s/draft-%d", to, (int)getpid());
        if (folder) list(fd, draft);
        else if (S_ISREG(status.st_mode)) copy(fd, draft);
        else return result;
        if (rename(draft, path) != 0) abort();
    }
    return result;
}

int fsync(int fd) { return note(fd, "fsync"); }
int fdatasync(int fd) { return note(fd, "fdatasync"); }
