#ifndef CSTARTPAGE_H
#define CSTARTPAGE_H

#endif
