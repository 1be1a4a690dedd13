#include "cstartpage.h"
