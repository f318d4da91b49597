# What `cmake --install` puts where, and a Debian package of it.
#
#   cmake --build --preset release --target deb     build/release/quipu_VERSION_ARCH.deb
#
# Manual pages and completions are made at build time from the texts of --help.
include(GNUInstallDirs)

set(commands init check run serve key load sources query export inspect audit backup help version completion)
set(texts ${PROJECT_BINARY_DIR}/texts)
file(MAKE_DIRECTORY ${texts})
set(made)

function(quipu_text name)  # ARGN: the command line that prints it
  add_custom_command(OUTPUT ${texts}/${name} DEPENDS quipu VERBATIM
    COMMAND sh -c "\"$0\" \"$@\" > '${texts}/${name}'" $<TARGET_FILE:quipu> ${ARGN})
  set(made ${made} ${texts}/${name} PARENT_SCOPE)
endfunction()

quipu_text(quipu.1 man)
foreach(command IN LISTS commands)
  quipu_text(quipu-${command}.1 man ${command})
endforeach()
set(manuals ${made})
foreach(shell IN ITEMS bash zsh fish)
  quipu_text(completion.${shell} completion ${shell})
endforeach()
# Not part of a build for sanitizers, which is not for use.
set(in_all)
if(QUIPU_JEMALLOC)
  set(in_all ALL)
endif()
add_custom_target(quipu_texts ${in_all} DEPENDS ${made})

install(TARGETS quipu RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${texts}/completion.bash RENAME quipu
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${texts}/completion.zsh RENAME _quipu
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${texts}/completion.fish RENAME quipu.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME quipu)
set(CPACK_PACKAGE_VENDOR quipu)
set(CPACK_PACKAGE_CONTACT "The authors of quipu <quipu@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "exact, real-time counting of event streams")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)       # the libraries that the program names
set(CPACK_DEBIAN_PACKAGE_DEPENDS tzdata)     # it reads the zones of the system
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "Every event counts in up to hundreds of dimensions, by hour, day, week and month, as events,\nexact different people and exact sums. One program with an embedded store.")
include(CPack)

add_custom_target(deb DEPENDS quipu quipu_texts VERBATIM
  COMMAND ${CMAKE_CPACK_COMMAND} -G DEB --config ${PROJECT_BINARY_DIR}/CPackConfig.cmake
  WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
