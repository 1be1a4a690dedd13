// room Media
