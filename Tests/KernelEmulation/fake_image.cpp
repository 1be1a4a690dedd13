// What the fake NVRTC makes of a text: the names of its kernels, and a stand-in for machine code.

#include "fake_machine.h"

#include <cctype>
#include <cstring>

namespace fake {

uint64_t hash(const std::string &text) {
    uint64_t value = 14695981039346656037ull; // FNV-1a
    for (unsigned char c : text)
        value = (value ^ c) * 1099511628211ull;
    return value;
}

// ---- Kernel names: just enough of the preprocessor to see KERNEL(name, …) behind macros

namespace {

struct Macro {
    std::vector<std::string> parameters;
    std::string body;
};
using Macros = std::map<std::string, Macro>;

bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

std::string trimmed(const std::string &text) {
    size_t first = text.find_first_not_of(" \t\n"), last = text.find_last_not_of(" \t\n");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

/// Without comments, with continued lines joined.
std::string plain(const std::string &text) {
    std::string result;
    for (size_t i = 0; i < text.size(); i++) {
        if (text.compare(i, 2, "\\\n") == 0) {
            i++;
        } else if (text.compare(i, 2, "//") == 0) {
            i = text.find('\n', i);
            if (i == std::string::npos)
                break;
            result += '\n';
        } else if (text.compare(i, 2, "/*") == 0) {
            i = text.find("*/", i);
            if (i == std::string::npos)
                break;
            i++;
        } else {
            result += text[i];
        }
    }
    return result;
}

/// The arguments between the bracket at `place` and its partner; `place` moves behind it.
std::vector<std::string> arguments_at(const std::string &text, size_t &place) {
    std::vector<std::string> arguments = {""};
    int depth = 0;
    for (; place < text.size(); place++) {
        char c = text[place];
        depth += c == '(' || c == '{' ? 1 : c == ')' || c == '}' ? -1 : 0;
        if (depth == 0)
            break;
        if (depth == 1 && c == ',')
            arguments.push_back("");
        else if (depth > 1 || c != '(')
            arguments.back() += c;
    }
    place++;
    for (std::string &argument : arguments)
        argument = trimmed(argument);
    return arguments;
}

/// Reads "NAME(a, b) body" after #define; object-like macros do not matter here.
void define(const std::string &line, Macros &macros) {
    size_t end = 0;
    while (end < line.size() && is_word(line[end]))
        end++;
    if (end >= line.size() || line[end] != '(' || line.compare(0, end, "KERNEL") == 0)
        return;
    size_t place = end;
    std::vector<std::string> parameters = arguments_at(line, place);
    macros[line.substr(0, end)] = {parameters, trimmed(line.substr(place))};
}

/// The body with the arguments in place of the parameters and ## glued.
std::string substituted(const Macro &macro, const std::vector<std::string> &arguments) {
    std::string result;
    for (size_t i = 0; i < macro.body.size();) {
        if (macro.body.compare(i, 2, "##") == 0) {
            result = trimmed(result);
            i = macro.body.find_first_not_of(' ', i + 2);
            continue;
        }
        size_t end = i;
        while (end < macro.body.size() && is_word(macro.body[end]))
            end++;
        std::string word = macro.body.substr(i, end - i);
        for (size_t p = 0; p < macro.parameters.size() && p < arguments.size(); p++) {
            if (!word.empty() && word == macro.parameters[p]) {
                word = arguments[p];
                break;
            }
        }
        result += end == i ? macro.body.substr(i, 1) : word;
        i = end == i ? i + 1 : end;
    }
    return result;
}

void find_kernels(const std::string &text, const Macros &macros, int depth, std::vector<std::string> &names) {
    for (size_t i = 0; i < text.size();) {
        if (!is_word(text[i])) {
            i++;
            continue;
        }
        size_t end = i;
        while (end < text.size() && is_word(text[end]))
            end++;
        std::string word = text.substr(i, end - i);
        i = end;
        auto macro = macros.find(word);
        if (end >= text.size() || text[end] != '(' || (word != "KERNEL" && macro == macros.end()))
            continue;
        std::vector<std::string> arguments = arguments_at(text, i);
        if (word == "KERNEL")
            names.push_back(arguments[0]);
        else if (depth < 8)
            find_kernels(substituted(macro->second, arguments), macros, depth + 1, names);
    }
}

} // namespace

std::vector<std::string> kernel_names(const std::string &text) {
    Macros macros;
    std::vector<std::string> names;
    std::string code, source = plain(text);
    for (size_t start = 0; start < source.size();) {
        size_t end = std::min(source.find('\n', start), source.size());
        std::string line = trimmed(source.substr(start, end - start));
        start = end + 1;
        if (line.compare(0, 8, "#define ") == 0)
            define(trimmed(line.substr(8)), macros);
        else if (line.empty() || line[0] != '#')
            code += line + "\n";
    }
    find_kernels(code, macros, 0, names);
    return names;
}

// ---- Images: "\x7f" "ELF", then lines of text, so long as the first says

std::string write_image(const Image &image, uint64_t text_hash) {
    std::string body = std::to_string(image.compute) + " " +
                       (image.feature ? std::string(1, (char)image.feature) : "-") + " " +
                       std::to_string(image.nvrtc_major) + " " + std::to_string(image.nvrtc_minor) + " " +
                       std::to_string(text_hash) + " " + std::to_string(image.kernels.size());
    for (const auto &[name, local_bytes] : image.kernels)
        body += " " + name + " " + std::to_string(local_bytes);
    char header[48];
    snprintf(header, sizeof header,
             "\x7f"
             "ELF fake %08zu %016llx\n",
             body.size(), (unsigned long long)hash(body));
    // Whoever is given an image is not told its length, and a damaged one may claim any.
    return header + body + '\0';
}

bool read_image(const void *bytes, Image &image) {
    const char *text = (const char *)bytes;
    size_t length = 0;
    unsigned long long sum = 0;
    if (strncmp(text,
                "\x7f"
                "ELF fake ",
                10) ||
        sscanf(text + 10, "%8zu %16llx\n", &length, &sum) != 2 || text[35] != '\n' || length > (1 << 20))
        return false;
    std::string body(text + 36, strnlen(text + 36, length));
    if (body.size() != length || hash(body) != sum)
        return false;
    char feature = 0;
    size_t count = 0;
    int used = 0;
    if (sscanf(body.c_str(), "%d %c %d %d %*u %zu%n", &image.compute, &feature, &image.nvrtc_major, &image.nvrtc_minor,
               &count, &used) != 5)
        return false;
    image.feature = feature == '-' ? 0 : feature;
    const char *place = body.c_str() + used;
    for (size_t i = 0; i < count; i++) {
        char name[256];
        int local_bytes, step = 0;
        if (sscanf(place, " %255s %d%n", name, &local_bytes, &step) != 2)
            return false;
        image.kernels.push_back({name, local_bytes});
        place += step;
    }
    return true;
}

} // namespace fake
